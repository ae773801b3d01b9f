import { ServerConnection } from '@jupyterlab/services';
import { nullTranslator } from '@jupyterlab/translation';
import { apiUrl, requestAPI, RequestError, requestFile, speak } from '../request';

function serverThat(answer: () => Promise<Response>): ServerConnection.ISettings {
  return ServerConnection.makeSettings({ baseUrl: 'http://localhost/base/', fetch: answer });
}

function refused(settings: ServerConnection.ISettings): Promise<RequestError> {
  return requestAPI<never>(settings, 'jobs').catch((error: RequestError) => error);
}

test('an address holds its query escaped, and leaves out what is not asked', () => {
  const settings = serverThat(async () => new Response('{}'));
  const asked = apiUrl(settings, 'runs', { path: 'a b/ü&c.ipynb', task: undefined, limit: 5 });
  expect(asked).toBe('http://localhost/base/roadworthy/api/runs?path=a+b%2F%C3%BC%26c.ipynb&limit=5');
});

test('what the server refuses comes with fact, next step and place', async () => {
  const place = { file: 'pipeline.yaml', line: 3, message: 'No such task.', next: 'Name another.' };
  const refusal = JSON.stringify({ message: 'No such task.', next: 'Name another.', problem: place });
  const error = await refused(serverThat(async () => new Response(refusal, { status: 404 })));
  expect(error).toBeInstanceOf(RequestError);
  expect([error.message, error.next, error.status]).toEqual(['No such task.', 'Name another.', 404]);
  expect(error.problem).toEqual(place);
});

test('a file comes as it is, and its refusal as any other', async () => {
  const page = serverThat(async () => new Response('<html>'));
  expect((await requestFile(page, 'report.html', { query: { path: 'a' } })).size).toBe(6);
  const refusal = JSON.stringify({ message: 'No report.', next: 'Name one.', problem: null });
  const gone = serverThat(async () => new Response(refusal, { status: 404 }));
  const error = await requestFile(gone, 'report.html').catch((thrown: RequestError) => thrown);
  expect(error).toMatchObject({ message: 'No report.', next: 'Name one.', status: 404 });
});

test('an answer of another program is told by its status', async () => {
  const gateway = new Response('<html>', { status: 502, statusText: 'Bad Gateway' });
  expect((await refused(serverThat(async () => gateway))).message).toBe('502 Bad Gateway');
});

test('what the page itself has to say of an answer is said in its language', async () => {
  const none = nullTranslator.load('roadworthy');
  const page = () => serverThat(async () => new Response('<html>'));
  expect((await refused(page())).message).toBe('The server gave an answer that is no JSON.');
  speak({ ...none, __: () => 'Kein JSON.' } as typeof none);
  expect((await refused(page())).message).toBe('Kein JSON.');
  speak(none);
});

test('no answer at all is an error with status 0', async () => {
  const error = await refused(serverThat(async () => Promise.reject(new TypeError('Failed to fetch'))));
  expect([error.name, error.status]).toEqual(['RequestError', 0]);
});
