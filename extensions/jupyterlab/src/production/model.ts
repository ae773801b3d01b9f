import { ServerConnection } from '@jupyterlab/services';
import { ISignal, Signal } from '@lumino/signaling';

import {
  IAcknowledging,
  IActRequest,
  IAlert,
  IDecision,
  IHistoryEntry,
  ILabProduction,
  IMuting,
  IProductionAct
} from '../records';
import { requestAPI } from '../request';

/** Production of the project that a path belongs to, as the server last told it. */
export class ProductionModel {
  constructor(
    private readonly settings: ServerConnection.ISettings,
    readonly path: string
  ) {}

  /** What the server said last; null before it has said anything. */
  production: ILabProduction | null = null;
  /** Why it could not say anything, if so. */
  error: unknown = null;
  /** When it was last asked. */
  asked: Date | null = null;

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** Ask the server anew. Calls while an answer is awaited lead to one more question, not to many. */
  async load(): Promise<void> {
    if (this._loading) {
      this._again = true;
      return this._loading;
    }
    this._loading = this.ask();
    await this._loading;
    this._loading = null;
    if (this._again) {
      this._again = false;
      await this.load();
    }
  }

  /** Do what somebody has confirmed. Refused when another version is champion by now. */
  async act(act: IProductionAct, reason: string): Promise<IHistoryEntry | IDecision> {
    const body: IActRequest = {
      path: this.path,
      act: act.act,
      version_to: act.version_to,
      decision: act.decision,
      champion: this.production?.champion?.version ?? null,
      confirmed: true,
      reason
    };
    return requestAPI(this.settings, 'production', { method: 'POST', body });
  }

  async acknowledge(alert: number, note: string): Promise<IAlert> {
    const body: IAcknowledging = { path: this.path, note };
    return requestAPI(this.settings, `alerts/${alert}/ack`, { method: 'POST', body });
  }

  async mute(alert: number, hours: number, note = ''): Promise<IAlert> {
    const body: IMuting = { path: this.path, hours, note };
    return requestAPI(this.settings, `alerts/${alert}/mute`, { method: 'POST', body });
  }

  private async ask(): Promise<void> {
    try {
      this.production = await requestAPI<ILabProduction>(this.settings, 'production', {
        query: { path: this.path }
      });
      this.error = null;
    } catch (error) {
      this.error = error;
    }
    this.asked = new Date();
    this._changed.emit();
  }

  private _loading: Promise<void> | null = null;
  private _again = false;
  private readonly _changed = new Signal<this, void>(this);
}
