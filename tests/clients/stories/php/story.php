<?php

declare(strict_types=1);

// The frame of the stories that the PHP client plays on a broker.
//
// A program marks its stories with story('a sentence', function) and ends with tell_all(). Every story opens its own
// connections and removes what it made. The broker is named by the environment: AMQP_HOST, AMQP_PORT, AMQP_USER,
// AMQP_PASSWORD, AMQP_VHOST. Printed is one plan line `1..N`, then `ok NAME` or `not ok NAME` with the reason as `# `
// lines below. A story that lasts longer than its limit fails.

const STORY_LIMIT_S = 20;
const WAIT_LIMIT_S = 10;

/** What the broker did is not what the story tells. */
final class StoryFailure extends Exception
{
}

$stories = [];

function story(string $name, callable $tell): void
{
    global $stories;
    $stories[$name] = $tell;
}

/** A name that no other story uses. */
function unique(string $word): string
{
    return "story.$word." . bin2hex(random_bytes(5));
}

function expect(bool $condition, string $what): void
{
    if (!$condition) {
        throw new StoryFailure($what);
    }
}

function expect_equal($actual, $expected, string $what): void
{
    $written = fn ($value) => var_export($value, true);
    expect($actual === $expected, "$what: expected {$written($expected)}, got {$written($actual)}");
}

/** Calls $step(), which waits shortly for an event of the client, until $condition() holds. */
function wait_for(callable $condition, callable $step, string $what): void
{
    $deadline = microtime(true) + WAIT_LIMIT_S;
    while (!$condition()) {
        expect(microtime(true) < $deadline, "$what within " . WAIT_LIMIT_S . ' s');
        $step();
    }
}

/** The reason why the story failed; empty when it went as told. */
function play(callable $tell): string
{
    pcntl_alarm(STORY_LIMIT_S);
    try {
        $tell();
    } catch (StoryFailure $failure) {
        return $failure->getMessage() . "\n" . $failure->getTraceAsString();
    } catch (Throwable $failure) {
        return (string) $failure;
    } finally {
        pcntl_alarm(0);
    }
    return '';
}

/** Plays all stories, or those whose names contain the program's first argument, and ends the program. */
function tell_all(): void
{
    global $stories, $argv;
    $wanted = $argv[1] ?? '';
    $chosen = array_filter($stories, fn ($name) => str_contains($name, $wanted), ARRAY_FILTER_USE_KEY);
    pcntl_async_signals(true);
    pcntl_signal(SIGALRM, function (): void {
        throw new StoryFailure('not finished within ' . STORY_LIMIT_S . ' s');
    });
    echo '1..', count($chosen), "\n";
    $failed = 0;
    foreach ($chosen as $name => $tell) {
        $reason = play($tell);
        echo $reason === '' ? 'ok ' : 'not ok ', $name, "\n";
        foreach ($reason === '' ? [] : explode("\n", $reason) as $line) {
            echo "# $line\n";
        }
        $failed += $reason === '' ? 0 : 1;
    }
    exit($failed > 0 ? 1 : 0);
}
