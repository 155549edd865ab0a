// Aedes on a port of loopback: node aedes.js MODULES PORT
const [modules, port] = process.argv.slice(2);
const broker = require(`${modules}/aedes`)();
require('net').createServer(broker.handle).listen(Number(port), '127.0.0.1');
