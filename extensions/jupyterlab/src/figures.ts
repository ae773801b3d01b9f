import { ITranslator, TranslationBundle } from '@jupyterlab/translation';

import { Locale } from './locale';
import { IMetricReading, IWindow } from './records';

const DAY = 86_400_000;

/** Writes figures and windows as the page's language has them; what is not known as a dash. */
export class Figures extends Locale {
  constructor(
    language: string | undefined,
    private readonly trans: TranslationBundle
  ) {
    super(language);
  }

  static for(translator: ITranslator, trans: TranslationBundle): Figures {
    return new Figures(Locale.of(translator).language, trans);
  }

  /** A number with so many significant digits; whole parts are never shortened. */
  figure(value: number | null, digits = 3): string {
    if (value === null || !Number.isFinite(value)) {
      return '–';
    }
    const whole = Math.abs(value) >= 10 ** (digits - 1);
    return this.format(value, whole ? { maximumFractionDigits: 0 } : { maximumSignificantDigits: digits });
  }

  /** A number as it is, with at most so many digits; one of four is not grouped, as it may be a year. */
  exact(value: number, digits: number): string {
    const useGrouping = Math.abs(value) >= 10_000;
    const whole = Math.abs(value) >= 10 ** (digits - 1);
    return this.format(value, {
      useGrouping,
      ...(whole ? { maximumFractionDigits: 0 } : { maximumSignificantDigits: digits })
    });
  }

  count(value: number | null): string {
    return value === null || !Number.isFinite(value) ? '–' : this.format(value, { maximumFractionDigits: 0 });
  }

  override percent(share: number | null): string {
    if (share === null || !Number.isFinite(share)) {
      return '–';
    }
    const small = share > 0 && share < 0.0005;
    const text = this.format(small ? 0.001 : share, { style: 'percent', maximumFractionDigits: 1 });
    return small ? this.trans.__('under %1', text) : text;
  }

  /** A p-value; one too small for three decimals shown as such. */
  p(value: number): string {
    if (!Number.isFinite(value)) {
      return '–';
    }
    return value < 0.001 ? `< ${this.format(0.001)}` : this.format(value, { maximumFractionDigits: 3 });
  }

  /** The ends of an interval, or nothing where one is not known. */
  ends(low: number | null, high: number | null, digits = 2): string {
    if (low === null || high === null || !Number.isFinite(low) || !Number.isFinite(high)) {
      return '';
    }
    return this.trans.__('%1 to %2', this.figure(low, digits), this.figure(high, digits));
  }

  /** A metric's value, with as many decimals as its interval lets matter. */
  metric(reading: IMetricReading): string {
    return this.decimal(reading.value, decimals(reading));
  }

  /** The ends of a metric's interval. */
  metricEnds(reading: IMetricReading): string {
    const places = decimals(reading);
    return this.trans.__('%1 to %2', this.decimal(reading.low, places), this.decimal(reading.high, places));
  }

  /** A length of time, from milliseconds to hours. */
  seconds(value: number | null): string {
    if (value === null || !Number.isFinite(value)) {
      return '–';
    }
    if (value < 1) {
      return this.format(value * 1000, { style: 'unit', unit: 'millisecond', maximumSignificantDigits: 3 });
    }
    const [amount, unit] =
      value < 120 ? [value, 'second'] : value < 7200 ? [value / 60, 'minute'] : [value / 3600, 'hour'];
    return this.format(amount, { style: 'unit', unit, maximumFractionDigits: 1 });
  }

  /** A moment in the reader's own time zone. */
  override moment(at: string): string {
    return this.date(at, { dateStyle: 'medium', timeStyle: 'short' });
  }

  /** A moment in UTC, as data have them. */
  utc(at: string): string {
    return this.date(at, { dateStyle: 'medium', timeStyle: 'short', timeZone: 'UTC' });
  }

  /** A window as a reader would name it: a month, a day, or from when to when; in UTC, as windows are cut. */
  window(window: IWindow): string {
    const [start, end] = [new Date(window.start), new Date(window.end)];
    if (isMonth(start, end)) {
      return this.date(window.start, { month: 'long', year: 'numeric', timeZone: 'UTC' });
    }
    if (!atMidnight(start) || !atMidnight(end)) {
      return this.trans.__('%1 to %2 UTC', this.utc(window.start), this.utc(window.end));
    }
    const day = { dateStyle: 'medium', timeZone: 'UTC' } as const;
    if (end.getTime() - start.getTime() === DAY) {
      return this.date(window.start, day);
    }
    const last = new Date(end.getTime() - DAY).toISOString();
    return this.trans.__('%1 to %2', this.date(window.start, day), this.date(last, day));
  }

  /** A window in as few letters as tell it from its neighbours. */
  shortWindow(window: IWindow): string {
    const start = new Date(window.start);
    if (isMonth(start, new Date(window.end))) {
      return this.date(window.start, { month: 'short', year: 'numeric', timeZone: 'UTC' });
    }
    const day = { month: 'short', day: 'numeric', timeZone: 'UTC' } as const;
    return this.date(window.start, atMidnight(start) ? day : { ...day, hour: '2-digit', minute: '2-digit' });
  }

  /** Names as a sentence has them, and how many are left out. */
  listed(names: readonly string[], most = 5): string {
    const left = names.length - most;
    const shown =
      left > 0 ? [...names.slice(0, most), this.trans.__('%1 more', this.count(left))] : [...names];
    return new Intl.ListFormat(this.language, { type: 'conjunction' }).format(shown);
  }

  /** A metric as a reader would name it; one that is not known by its own name. */
  metricName(metric: string): string {
    const { trans } = this;
    const names: { [key: string]: string } = {
      roc_auc: trans.__('ROC AUC'),
      log_loss: trans.__('log loss'),
      brier: trans.__('Brier score'),
      accuracy: trans.__('accuracy'),
      precision: trans.__('precision'),
      recall: trans.__('recall'),
      f1: trans.__('F1'),
      value_per_1000: trans.__('value per %1 cases', this.count(1000))
    };
    return names[metric] ?? metric;
  }

  private decimal(value: number, places: number): string {
    return this.format(value, { minimumFractionDigits: places, maximumFractionDigits: places });
  }

  private format(value: number, options: Intl.NumberFormatOptions = {}): string {
    const key = JSON.stringify(options);
    let format = this.numbers.get(key);
    if (!format) {
      this.numbers.set(key, (format = new Intl.NumberFormat(this.language, options)));
    }
    return format.format(value);
  }

  private date(at: string, options: Intl.DateTimeFormatOptions): string {
    const moment = new Date(at);
    if (Number.isNaN(moment.getTime())) {
      return '–';
    }
    const key = JSON.stringify(options);
    let format = this.dates.get(key);
    if (!format) {
      this.dates.set(key, (format = new Intl.DateTimeFormat(this.language, options)));
    }
    return format.format(moment);
  }

  private readonly numbers = new Map<string, Intl.NumberFormat>();
  private readonly dates = new Map<string, Intl.DateTimeFormat>();
}

function decimals(reading: IMetricReading): number {
  return Math.max(Math.abs(reading.low), Math.abs(reading.high)) >= 100 ? 0 : 3;
}

function atMidnight(moment: Date): boolean {
  return moment.getTime() % DAY === 0;
}

function isMonth(start: Date, end: Date): boolean {
  const days = (end.getTime() - start.getTime()) / DAY;
  const first = start.getUTCDate() === 1 && end.getUTCDate() === 1;
  return first && atMidnight(start) && atMidnight(end) && days > 27 && days < 32;
}
