// Stories of amqp091-go, beside the tests that it ships: what those do not look at.
package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

const pseudoQueue = "amq.rabbitmq.reply-to"

func brokerURL(change func(*url.URL)) string {
	address, err := url.Parse(os.Getenv("AMQP_URL"))
	must(err, "AMQP_URL")
	change(address)
	return address.String()
}

func connectWith(config amqp.Config) *amqp.Connection {
	connection, err := amqp.DialConfig(os.Getenv("AMQP_URL"), config)
	must(err, "connect")
	atEnd(func() { connection.Close() })
	return connection
}

func connect() *amqp.Connection { return connectWith(amqp.Config{Heartbeat: 10 * time.Second}) }

func openChannel(connection *amqp.Connection) *amqp.Channel {
	channel, err := connection.Channel()
	must(err, "channel")
	return channel
}

func temporaryQueue(channel *amqp.Channel) string {
	queue, err := channel.QueueDeclare("", false, false, true, false, nil)
	must(err, "queue.declare")
	return queue.Name
}

func publish(channel *amqp.Channel, key string, message amqp.Publishing) {
	must(channel.PublishWithContext(context.Background(), "", key, false, false, message), "publish")
}

// expectClosed: the error must be the broker's, with exactly this code and text.
func expectClosed(err error, code int, text string) {
	var closed *amqp.Error
	expect(errors.As(err, &closed), "expected %d %s, got %v", code, text, err)
	expectEqual(fmt.Sprint(closed.Code, " ", closed.Reason), fmt.Sprint(code, " ", text), "reason")
}

func theHandshakeNegotiatesAndLoginsAreChecked() {
	connection := connectWith(amqp.Config{Heartbeat: 7 * time.Second, FrameSize: 8192, ChannelMax: 33})
	config := connection.Config
	expectEqual([3]int{int(config.Heartbeat / time.Second), config.FrameSize, config.ChannelMax}, [3]int{7, 8192, 33},
		"tuning")
	expectEqual(fmt.Sprint(connection.Properties["product"]), "RabbitMQ", "product")
	_, err := amqp.Dial(brokerURL(func(to *url.URL) { to.User = url.UserPassword(to.User.Username(), "wrong") }))
	expect(errors.Is(err, amqp.ErrCredentials), "a wrong password gives %v", err)
	_, err = amqp.Dial(brokerURL(func(to *url.URL) { to.Path = "/nowhere" }))
	expect(errors.Is(err, amqp.ErrVhost), "a missing vhost gives %v", err)
}

func confirmsComeInOrderAndReturnsBeforeThem() {
	channel := openChannel(connect())
	must(channel.Confirm(false), "confirm.select")
	queue := temporaryQueue(channel)
	const count = 500
	confirms := channel.NotifyPublish(make(chan amqp.Confirmation, count+1))
	returns := channel.NotifyReturn(make(chan amqp.Return, 1))
	for number := 0; number < count; number++ {
		publish(channel, queue, amqp.Publishing{Body: []byte(fmt.Sprint(number))})
	}
	missing := unique("missing")
	must(channel.PublishWithContext(context.Background(), "", missing, true, false, amqp.Publishing{Body: []byte("lost")}),
		"publish")
	for number := uint64(1); number <= count+1; number++ {
		expectEqual(taken(confirms, "a confirm"), amqp.Confirmation{DeliveryTag: number, Ack: true}, "confirm")
	}
	expectEqual(len(returns), 1, "returns before the confirm")
	returned := taken(returns, "the return")
	expectEqual(fmt.Sprint(returned.ReplyCode, returned.ReplyText, returned.RoutingKey, string(returned.Body)),
		fmt.Sprint(312, "NO_ROUTE", missing, "lost"), "return")
}

func prefetchLimitsAConsumerUntilItAcknowledges() {
	channel := openChannel(connect())
	queue := temporaryQueue(channel)
	must(channel.Qos(3, 0, false), "basic.qos")
	for number := 0; number < 6; number++ {
		publish(channel, queue, amqp.Publishing{Body: []byte(fmt.Sprint(number))})
	}
	deliveries, err := channel.Consume(queue, "tag", false, false, false, false, nil)
	must(err, "basic.consume")
	take := func(body string, redelivered bool) amqp.Delivery {
		got := taken(deliveries, "a delivery")
		expectEqual(fmt.Sprint(string(got.Body), got.Redelivered), fmt.Sprint(body, redelivered), "delivery")
		return got
	}
	take("0", false)
	second, third := take("1", false), take("2", false)
	must(second.Ack(true), "ack")
	take("3", false)
	fifth := take("4", false)
	must(third.Reject(false), "reject")
	take("5", false)
	must(fifth.Nack(true, true), "nack")
	take("3", true)
	take("4", true)
}

func aConsumerHearsThatItsQueueIsGone() {
	connection := connect()
	channel := openChannel(connection)
	queue := temporaryQueue(channel)
	cancels := channel.NotifyCancel(make(chan string, 1))
	deliveries, err := channel.Consume(queue, "tag", false, false, false, false, nil)
	must(err, "basic.consume")
	_, err = openChannel(connection).QueueDelete(queue, false, false, false)
	must(err, "queue.delete")
	expectEqual(taken(cancels, "the cancel"), "tag", "consumer tag")
	_, open := <-deliveries
	expect(!open, "the deliveries end")
	temporaryQueue(channel)
}

func errorsCarryTheirCodesAndTexts() {
	connection := connect()
	keeper := openChannel(connection)
	queue := unique("queue")
	declare := func(on *amqp.Channel, expires int32) error {
		_, err := on.QueueDeclare(queue, false, false, true, false, amqp.Table{"x-expires": expires})
		return err
	}
	must(declare(keeper, 60000), "queue.declare")
	_, err := openChannel(connection).QueueDeclarePassive("nowhere", false, false, false, false, nil)
	expectClosed(err, 404, "NOT_FOUND - no queue 'nowhere' in vhost '/'")
	expectClosed(openChannel(connection).QueueBind(queue, "key", "nowhere", false, nil), 404,
		"NOT_FOUND - no exchange 'nowhere' in vhost '/'")
	expectClosed(openChannel(connection).ExchangeDeclare("amq.mine", "direct", false, false, false, false, nil), 403,
		"ACCESS_REFUSED - exchange name 'amq.mine' contains reserved prefix 'amq.*'")
	expectClosed(declare(openChannel(connection), 61000), 406, "PRECONDITION_FAILED - inequivalent arg 'x-expires' for "+
		"queue '"+queue+"' in vhost '/': received '61000' but current is '60000'")
	wrong := openChannel(connection)
	closes := wrong.NotifyClose(make(chan *amqp.Error, 1))
	must(wrong.Ack(9, false), "ack")
	expectClosed(taken(closes, "the close"), 406, "PRECONDITION_FAILED - unknown delivery tag 9")
	expect(!keeper.IsClosed(), "other channels are unharmed")
	expectClosed(keeper.Qos(0, 7, false), 540, "NOT_IMPLEMENTED - prefetch_size!=0 (7)")
	expect(connection.IsClosed(), "the connection is closed")
}

func aCallIsAnsweredThroughDirectReplyTo() {
	asking := connect()
	client, server := openChannel(asking), openChannel(connect())
	service := temporaryQueue(server)
	requests, err := server.Consume(service, "", true, false, false, false, nil)
	must(err, "basic.consume of the service")
	replies, err := client.Consume(pseudoQueue, "", true, false, false, false, nil)
	must(err, "basic.consume of the replies")
	for number := 0; number < 20; number++ {
		id := fmt.Sprint(number)
		publish(client, service, amqp.Publishing{ReplyTo: pseudoQueue, CorrelationId: id, Body: []byte("ping")})
		request := taken(requests, "the request")
		expect(len(request.ReplyTo) > len(pseudoQueue)+1 && request.ReplyTo[:len(pseudoQueue)+1] == pseudoQueue+".",
			"address %s", request.ReplyTo)
		publish(server, request.ReplyTo, amqp.Publishing{CorrelationId: request.CorrelationId, Body: []byte("pong")})
		reply := taken(replies, "the reply")
		expectEqual(reply.CorrelationId+string(reply.Body), id+"pong", "reply")
	}
	_, err = openChannel(asking).Consume(pseudoQueue, "", false, false, false, false, nil)
	expectClosed(err, 406, "PRECONDITION_FAILED - reply consumer cannot acknowledge")
}

func heartbeatsKeepAnIdleConnection() {
	// The client gives up when it has heard nothing for three intervals, the broker after two.
	connection := connectWith(amqp.Config{Heartbeat: time.Second})
	ended := connection.NotifyClose(make(chan *amqp.Error, 1))
	select {
	case err := <-ended:
		fail("the idle connection ended: %v", err)
	case <-time.After(4 * time.Second):
	}
	temporaryQueue(openChannel(connection))
}

func transactionsCommitAndRollBack() {
	connection := connect()
	working, watching := openChannel(connection), openChannel(connection)
	queue := temporaryQueue(working)
	must(working.Tx(), "tx.select")
	publish(working, queue, amqp.Publishing{Body: []byte("dropped")})
	must(working.TxRollback(), "tx.rollback")
	publish(working, queue, amqp.Publishing{Body: []byte("kept")})
	_, found, err := watching.Get(queue, true)
	must(err, "basic.get")
	expect(!found, "no message before the commit")
	must(working.TxCommit(), "tx.commit")
	got, _, err := watching.Get(queue, true)
	must(err, "basic.get")
	expectEqual(string(got.Body), "kept", "message")
	expectClosed(working.Confirm(false), 406, "PRECONDITION_FAILED - cannot switch from tx to confirm mode")
}

func main() {
	tellAll([]story{
		{"the handshake negotiates and logins are checked", theHandshakeNegotiatesAndLoginsAreChecked},
		{"confirms come in order and returns before them", confirmsComeInOrderAndReturnsBeforeThem},
		{"prefetch limits a consumer until it acknowledges", prefetchLimitsAConsumerUntilItAcknowledges},
		{"a consumer hears that its queue is gone", aConsumerHearsThatItsQueueIsGone},
		{"errors carry their codes and texts", errorsCarryTheirCodesAndTexts},
		{"a call is answered through direct reply-to", aCallIsAnsweredThroughDirectReplyTo},
		{"heartbeats keep an idle connection", heartbeatsKeepAnIdleConnection},
		{"transactions commit and roll back", transactionsCommitAndRollBack},
	})
}
