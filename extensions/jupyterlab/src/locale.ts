import { ITranslator } from '@jupyterlab/translation';

const STEPS: [Intl.RelativeTimeFormatUnit, number][] = [
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60]
];

/** Numbers, moments and durations as the page's language writes them. */
export class Locale {
  readonly language: string | undefined;

  constructor(language?: string) {
    this.language = supported(language);
  }

  /** Of the language that JupyterLab is shown in. */
  static of(translator: ITranslator): Locale {
    return new Locale(translator.languageCode?.replace('_', '-'));
  }

  /** A number with at most so many significant digits; whole numbers keep all of theirs. */
  number(value: number, digits = 4): string {
    const whole = Number.isInteger(value);
    const options = whole ? { maximumFractionDigits: 0 } : { maximumSignificantDigits: digits };
    return new Intl.NumberFormat(this.language, options).format(value);
  }

  /** A number that says by its sign which way it goes. */
  difference(value: number, digits = 3): string {
    return new Intl.NumberFormat(this.language, {
      signDisplay: 'exceptZero',
      maximumSignificantDigits: digits
    }).format(value);
  }

  percent(share: number, digits = 1): string {
    return new Intl.NumberFormat(this.language, { style: 'percent', maximumFractionDigits: digits }).format(
      share
    );
  }

  /** A moment with its day and minute. */
  moment(iso: string): string {
    return new Intl.DateTimeFormat(this.language, { dateStyle: 'medium', timeStyle: 'short' }).format(
      new Date(iso)
    );
  }

  /** A day without its hour. */
  day(iso: string): string {
    return new Intl.DateTimeFormat(this.language, { dateStyle: 'medium', timeZone: 'UTC' }).format(
      new Date(iso)
    );
  }

  /** How long ago a moment was, in the largest unit that fits. */
  ago(iso: string, now: number = Date.now()): string {
    const seconds = (new Date(iso).getTime() - now) / 1_000;
    const relative = new Intl.RelativeTimeFormat(this.language, { numeric: 'auto' });
    const [unit, length] = STEPS.find(step => Math.abs(seconds) >= step[1]) ?? ['second', 1];
    return relative.format(Math.trunc(seconds / length), unit);
  }

  /** A duration such as '2 min 5 sec'; below ten seconds with a decimal. */
  duration(seconds: number): string {
    const unit = (value: number, name: string, digits = 0) =>
      new Intl.NumberFormat(this.language, {
        style: 'unit',
        unit: name,
        unitDisplay: 'short',
        maximumFractionDigits: digits
      }).format(value);
    if (seconds < 60) {
      return unit(seconds, 'second', seconds < 10 ? 1 : 0);
    }
    const whole = Math.round(seconds);
    const [hours, minutes] = [Math.floor(whole / 3_600), Math.floor((whole % 3_600) / 60)];
    return hours > 0
      ? `${unit(hours, 'hour')} ${unit(minutes, 'minute')}`
      : `${unit(minutes, 'minute')} ${unit(whole % 60, 'second')}`;
  }
}

function supported(language?: string): string | undefined {
  try {
    return language ? Intl.getCanonicalLocales(language)[0] : undefined;
  } catch {
    return undefined;
  }
}
