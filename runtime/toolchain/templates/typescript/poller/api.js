// An API to try the connector with: GET /orders?after=ID&limit=N gives orders behind an id, and POST /orders makes one.
import { createServer } from 'node:http';

const orders = Array.from({ length: 25 }, (_, i) => ({ id: i + 1, customer: `c-${(i + 1) % 3}`, total: (i + 1) * 10 }));

function page({ searchParams }) {
  const [after, limit] = ['after', 'limit'].map((name) => Number(searchParams.get(name) ?? 0));
  return [200, { orders: orders.slice(after, after + limit), more: after + limit < orders.length }];
}

function made(text) {
  orders.push({ ...JSON.parse(text || '{}'), id: orders.length + 1 });
  return [201, orders.at(-1)];
}

const server = createServer(async (request, response) => {
  let text = '';
  for await (const chunk of request) text += chunk;
  const asks = request.method === 'GET';
  const isKnown = !asks || request.headers.authorization === 'Bearer example';
  const answer = () => (asks ? page(new URL(request.url, 'http://127.0.0.1')) : made(text));
  const [status, body] = isKnown ? answer() : [401, { error: 'who are you?' }];
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
});
server.listen(8095, '127.0.0.1', () => console.log('http://127.0.0.1:8095/orders'));
