// Preloaded into amqplib's own tests, which expect a broker on the standard port of this machine: sends
// connections to that port to the broker under test instead. Nothing of the client is changed.
//
// Environment: AMQP_HOST and AMQP_PORT say where the broker is.
'use strict';

const net = require('node:net');

const standardPort = 5672;
const {AMQP_HOST: host, AMQP_PORT: port} = process.env;
const connect = net.connect;

function redirected(options) {
  const isBroker = options !== null && typeof options === 'object' && Number(options.port) === standardPort;
  return isBroker ? {...options, host, port: Number(port)} : options;
}

net.connect = net.createConnection = (options, ...others) => connect(redirected(options), ...others);
