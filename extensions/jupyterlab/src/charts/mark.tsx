import React, { ReactNode } from 'react';

import { IAlert, IWindowReport } from '../records';
import { useWords } from '../words';

type Verdict = IWindowReport['verdict'];
export type Tone = 'bad' | 'changed' | 'fine' | 'unknown';

const FORMS: { [tone in Tone]: string } = {
  bad: 'M8 1.5L15.5 14.5H.5zM7.2 6v4.2h1.6V6zM7.2 11.4v1.7h1.6v-1.7z',
  changed: 'M8 .8L15.2 8L8 15.2L.8 8zM7.2 4.4v4.6h1.6V4.4zM7.2 10.2v1.7h1.6v-1.7z',
  fine: 'M8 1a7 7 0 1 0 0 14A7 7 0 0 0 8 1zM6.9 11.4L3.7 8.2l1.2-1.2 2 2 4.2-4.2 1.2 1.2z',
  unknown:
    'M8 1a7 7 0 1 0 0 14A7 7 0 0 0 8 1zM8 2.6a5.4 5.4 0 1 1 0 10.8A5.4 5.4 0 0 1 8 2.6zM4.5 7.2h7v1.6h-7z'
};

export const TONES: { [verdict in Verdict]: Tone } = {
  drift: 'bad',
  'no drift': 'fine',
  'too little data': 'unknown'
};
const SEVERITIES: { [severity in IAlert['severity']]: Tone } = {
  critical: 'bad',
  warning: 'changed',
  info: 'unknown'
};

/** A sign whose form alone tells the tones apart. */
export function Sign({ tone }: { tone: Tone }): JSX.Element {
  return (
    <svg className="rw-sign" data-tone={tone} viewBox="0 0 16 16" aria-hidden="true">
      <path fillRule="evenodd" d={FORMS[tone]} />
    </svg>
  );
}

/** A sign and its words. */
export function Mark({ tone, children }: { tone: Tone; children: ReactNode }): JSX.Element {
  return (
    <span className="rw-mark" data-tone={tone}>
      <Sign tone={tone} />
      <span>{children}</span>
    </span>
  );
}

export function VerdictMark({ verdict }: { verdict: Verdict }): JSX.Element {
  return <Mark tone={TONES[verdict]}>{useVerdict(verdict)}</Mark>;
}

export function SeverityMark({ severity }: { severity: IAlert['severity'] }): JSX.Element {
  const { trans } = useWords();
  const words = {
    critical: trans.__('critical'),
    warning: trans.__('warning'),
    info: trans.__('information')
  };
  return <Mark tone={SEVERITIES[severity]}>{words[severity]}</Mark>;
}

export function useVerdict(verdict: Verdict): string {
  const { trans } = useWords();
  return {
    drift: trans.__('drift'),
    'no drift': trans.__('no drift'),
    'too little data': trans.__('too little data')
  }[verdict];
}
