/** Work that is done again when it was asked for meanwhile, but never twice at once: many requests cost two. */
export class Latest {
  private _running: Promise<void> | null = null;
  private _next: Promise<void> | null = null;

  constructor(private readonly work: () => Promise<void>) {}

  /** Ask for the work; resolved when a doing of it that began after this call has ended. */
  ask(): Promise<void> {
    if (this._running === null) {
      this._running = this.work().finally(() => {
        this._running = null;
      });
      return this._running;
    }
    this._next ??= this._running
      .catch(() => undefined)
      .then(() => {
        this._next = null;
        return this.ask();
      });
    return this._next;
  }
}
