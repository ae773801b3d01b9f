import { TranslationBundle } from '@jupyterlab/translation';
import { LabIcon } from '@jupyterlab/ui-components';
import * as React from 'react';
import { usePage } from '../page';
import { IJobTask, ILabTask } from '../records';
import { failedIcon, freshIcon, runningIcon, staleIcon, unknownIcon, waitingIcon } from './icons';

export type Standing = ILabTask['standing'];
export type State = Standing | IJobTask['state'] | 'cancelled' | 'skipped' | 'interrupted';

interface ISign {
  icon: LabIcon;
  /** the colour's name in the style sheet; the word says the same */
  tone: 'good' | 'warn' | 'bad' | 'busy' | 'quiet';
}

const SIGNS: { [state in State]: ISign } = {
  fresh: { icon: freshIcon, tone: 'good' },
  done: { icon: freshIcon, tone: 'good' },
  stale: { icon: staleIcon, tone: 'warn' },
  running: { icon: runningIcon, tone: 'busy' },
  failed: { icon: failedIcon, tone: 'bad' },
  interrupted: { icon: failedIcon, tone: 'bad' },
  unknown: { icon: unknownIcon, tone: 'quiet' },
  waiting: { icon: waitingIcon, tone: 'quiet' },
  'held back': { icon: waitingIcon, tone: 'quiet' },
  cancelled: { icon: waitingIcon, tone: 'quiet' },
  skipped: { icon: waitingIcon, tone: 'quiet' }
};

/** A state in the page's language. */
export function stateWords(state: State, trans: TranslationBundle): string {
  const words: { [key in State]: string } = {
    fresh: trans.__('Fresh'),
    done: trans.__('Done'),
    stale: trans.__('Stale'),
    running: trans.__('Running'),
    failed: trans.__('Failed'),
    interrupted: trans.__('Interrupted'),
    unknown: trans.__('Unknown'),
    waiting: trans.__('Waiting'),
    'held back': trans.__('Held back'),
    cancelled: trans.__('Cancelled'),
    skipped: trans.__('Skipped')
  };
  return words[state];
}

export const stateIcon = (state: State): LabIcon => SIGNS[state].icon;
export const stateTone = (state: State): ISign['tone'] => SIGNS[state].tone;

/** A state as icon and word; its colour only repeats them. */
export function Badge(props: { state: State; plain?: boolean }): JSX.Element {
  const { trans } = usePage();
  const { icon, tone } = SIGNS[props.state];
  return (
    <span
      className={props.plain ? 'rw-state' : 'rw-state rw-badge'}
      data-tone={tone}
      data-state={props.state}
    >
      <icon.react tag="span" className="rw-icon" aria-hidden="true" />
      <span>{stateWords(props.state, trans)}</span>
    </span>
  );
}
