// The frame of the stories that the Go client plays on a broker.
//
// Every story opens its own connections, which are closed when it ends, and removes what it made. The broker is named
// by AMQP_URL. Printed is one plan line `1..N`, then `ok NAME` or `not ok NAME` with the reason as `# ` lines below.
// A story that lasts longer than its limit fails.
package main

import (
	"crypto/rand"
	"fmt"
	"os"
	"runtime/debug"
	"strings"
	"time"
)

const (
	storyLimit = 20 * time.Second
	waitLimit  = 10 * time.Second
)

type story struct {
	name string
	tell func()
}

// failure is what the broker did and the story does not tell.
type failure struct{ text string }

// cleanups of the running story. Stories are told one after the other.
var cleanups []func()

func atEnd(do func()) { cleanups = append(cleanups, do) }

func fail(format string, arguments ...any) { panic(failure{fmt.Sprintf(format, arguments...)}) }

func must(err error, what string) {
	if err != nil {
		fail("%s: %v", what, err)
	}
}

func expect(condition bool, format string, arguments ...any) {
	if !condition {
		fail(format, arguments...)
	}
}

func expectEqual[T comparable](actual, expected T, what string) {
	expect(actual == expected, "%s: expected %v, got %v", what, expected, actual)
}

// unique gives a name that no other story uses.
func unique(word string) string {
	random := make([]byte, 5)
	_, err := rand.Read(random)
	must(err, "random bytes")
	return fmt.Sprintf("story.%s.%x", word, random)
}

// taken gives the next thing that a channel brings; it must come in time.
func taken[T any](from <-chan T, what string) T {
	select {
	case thing, open := <-from:
		expect(open, "%s: the channel is closed", what)
		return thing
	case <-time.After(waitLimit):
		fail("%s within %v", what, waitLimit)
		panic("not reached")
	}
}

// play gives the reason why the story failed; empty when it went as told.
func play(tell func()) (reason string) {
	defer func() {
		for at := len(cleanups) - 1; at >= 0; at-- {
			cleanups[at]()
		}
		cleanups = nil
	}()
	defer func() {
		if raised := recover(); raised != nil {
			text := fmt.Sprint(raised)
			if failed, ok := raised.(failure); ok {
				text = failed.text
			}
			reason = text + "\n" + string(debug.Stack())
		}
	}()
	tell()
	return ""
}

func tellAll(stories []story) {
	fmt.Printf("1..%d\n", len(stories))
	failed := 0
	for _, one := range stories {
		late := time.AfterFunc(storyLimit, func() {
			fmt.Printf("not ok %s\n# not finished within %v\n", one.name, storyLimit)
			os.Exit(1)
		})
		reason := play(one.tell)
		late.Stop()
		if reason == "" {
			fmt.Printf("ok %s\n", one.name)
			continue
		}
		failed++
		fmt.Printf("not ok %s\n# %s\n", one.name, strings.ReplaceAll(strings.TrimSpace(reason), "\n", "\n# "))
	}
	if failed > 0 {
		os.Exit(1)
	}
}
