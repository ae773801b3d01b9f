import { Event } from '@jupyterlab/services';
import { EVENTS, ILabEvent } from './records';

/** Call `take` with each event of the server's side; the stream is JupyterLab's own, nothing is polled. */
export function onLabEvent(events: Event.IManager, take: (event: ILabEvent) => void): void {
  events.stream.connect((_, emission) => {
    if (emission.schema_id === EVENTS) {
      take(emission as unknown as ILabEvent);
    }
  });
}
