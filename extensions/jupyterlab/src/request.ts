import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';
import { nullTranslator, TranslationBundle } from '@jupyterlab/translation';
import { IProblem, IRefusal } from './records';

let trans: TranslationBundle = nullTranslator.load('roadworthy');

/** Let what no server has said be said in the page's language. */
export function speak(bundle: TranslationBundle): void {
  trans = bundle;
}

/** An answer other than the one asked for: a fact, a next step and, where a file is at fault, the place. */
export class RequestError extends Error {
  constructor(
    message: string,
    readonly next = '',
    readonly problem: IProblem | null = null,
    /** HTTP status; 0 when no answer came at all */
    readonly status = 0
  ) {
    super(message);
    this.name = 'RequestError';
  }

  /** The server's side says so itself, and what to do. */
  get told(): boolean {
    return this.next !== '' || this.problem !== null;
  }
}

export interface IRequestOptions {
  method?: 'GET' | 'POST' | 'DELETE';
  query?: { [key: string]: string | number | undefined };
  body?: unknown;
}

/** The address of an endpoint of the server's side. */
export function apiUrl(
  settings: ServerConnection.ISettings,
  endpoint: string,
  query: IRequestOptions['query'] = {}
): string {
  const pairs = Object.entries(query).filter(
    (pair): pair is [string, string | number] => pair[1] !== undefined
  );
  const asked = new URLSearchParams(pairs.map(([key, value]) => [key, String(value)])).toString();
  return URLExt.join(settings.baseUrl, 'roadworthy', 'api', endpoint) + (asked ? `?${asked}` : '');
}

/** Ask an endpoint of the server's side; whatever goes wrong is a RequestError. */
export async function requestAPI<T>(
  settings: ServerConnection.ISettings,
  endpoint: string,
  options: IRequestOptions = {}
): Promise<T> {
  const response = await ask(settings, endpoint, options);
  const answer = parsed<T>(await response.text());
  if (answer === null) {
    throw new RequestError(trans.__('The server gave an answer that is no JSON.'), '', null, response.status);
  }
  return answer;
}

/** Ask an endpoint whose answer is a file; whatever goes wrong is a RequestError. */
export async function requestFile(
  settings: ServerConnection.ISettings,
  endpoint: string,
  options: IRequestOptions = {}
): Promise<Blob> {
  return (await ask(settings, endpoint, options)).blob();
}

async function ask(
  settings: ServerConnection.ISettings,
  endpoint: string,
  { method = 'GET', query, body }: IRequestOptions
): Promise<Response> {
  const init: RequestInit = { method };
  if (body !== undefined) {
    init.body = JSON.stringify(body);
    init.headers = { 'Content-Type': 'application/json' };
  }
  let response: Response;
  try {
    response = await ServerConnection.makeRequest(apiUrl(settings, endpoint, query), init, settings);
  } catch (error) {
    throw new RequestError(error instanceof Error ? error.message : String(error));
  }
  if (!response.ok) {
    const refusal = parsed<Partial<IRefusal>>(await response.text());
    const fact = refusal?.message ?? `${response.status} ${response.statusText}`;
    throw new RequestError(fact, refusal?.next, refusal?.problem, response.status);
  }
  return response;
}

function parsed<T>(text: string): T | null {
  try {
    return JSON.parse(text) as T;
  } catch {
    return null;
  }
}
