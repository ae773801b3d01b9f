import { Dialog, showDialog } from '@jupyterlab/apputils';
import { ReactWidget } from '@jupyterlab/ui-components';
import React from 'react';

import { IProductionAct } from '../records';
import { IWords } from '../words';

/** One of several acts, by its title; JupyterLab's own dialog of that kind gives its list no name. */
class ChooseBody extends ReactWidget implements Dialog.IBodyWidget<number> {
  constructor(
    private readonly titles: readonly string[],
    private readonly label: string
  ) {
    super();
    this.addClass('rw-confirm');
  }

  getValue(): number {
    return this.chosen;
  }

  protected override render(): JSX.Element {
    return (
      <label className="rw-reason">
        {this.label}
        <select onChange={event => (this.chosen = Number(event.target.value))}>
          {this.titles.map((title, i) => (
            <option key={i} value={i}>
              {title}
            </option>
          ))}
        </select>
      </label>
    );
  }

  private chosen = 0;
}

/** Let the reader choose one of several acts; null when none is meant. */
export async function choose(acts: readonly IProductionAct[], words: IWords): Promise<IProductionAct | null> {
  if (acts.length < 2) {
    return acts[0] ?? null;
  }
  const { trans } = words;
  const answer = await showDialog({
    title: trans.__('Which of them?'),
    body: new ChooseBody(
      acts.map(one => one.title),
      trans.__('What to do')
    ),
    buttons: [
      Dialog.cancelButton({ label: trans.__('Cancel') }),
      Dialog.okButton({ label: trans.__('Continue') })
    ],
    focusNodeSelector: 'select'
  });
  return answer.button.accept ? (acts[answer.value ?? 0] ?? null) : null;
}
