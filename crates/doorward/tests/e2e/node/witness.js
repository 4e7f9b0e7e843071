// Keeps a line of every request that it reads to its end, in witness.log.
const { openSync, writeSync } = require('node:fs');
const { createServer } = require('node:http');

const log = openSync('witness.log', 'a', 0o600);
const keep = (line) => writeSync(log, `${line}\n`);

const server = createServer((request, response) => {
  let length = 0;
  request.on('data', (data) => { length += data.length; });
  request.on('end', () => {
    const decision = request.headers['x-doorward-decision'] ?? '';
    const status = request.complete ? 200 : 0;
    keep(`${decision} ${request.method} ${request.url} ${length} ${status}`);
    const said = `seen:${request.url}`;
    response.writeHead(200, { 'Content-Length': said.length });
    response.end(said);
  });
});
// Whoever ends in the middle of a body is no doubt; whoever sends what cannot be read is.
server.on('clientError', (error, socket) => {
  const ended = error.code === 'ECONNRESET' || error.code === 'HPE_INVALID_EOF_STATE';
  keep(`- - ${error.code} - ${ended ? 0 : 400}`);
  socket.destroy();
});
server.keepAliveTimeout = 75000;
server.listen(Number(process.argv[2]), '127.0.0.1');
