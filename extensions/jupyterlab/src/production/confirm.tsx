import { Dialog, showDialog } from '@jupyterlab/apputils';
import { ReactWidget } from '@jupyterlab/ui-components';
import React from 'react';

import { IProductionAct } from '../records';
import { IWords, Speaking } from '../words';

interface IConfirmProps {
  act: IProductionAct;
  words: IWords;
  onReason: (reason: string) => void;
}

/** Both versions, what will happen, and a field for the reason. */
export function Confirm({ act, words, onReason }: IConfirmProps): JSX.Element {
  const { trans } = words;
  const none = trans.__('no version');
  const changes = act.act !== 'reject' && act.version_to !== null && act.version_to !== act.version_from;
  return (
    <Speaking words={words}>
      <dl className="rw-versions">
        <div>
          <dt>{trans.__('In production now')}</dt>
          <dd>{act.version_from ?? none}</dd>
        </div>
        <div>
          <dt>{changes ? trans.__('In production then') : trans.__('What it is about')}</dt>
          <dd>{act.version_to ?? trans.__('a version that is yet to be made')}</dd>
        </div>
      </dl>
      <h3>{trans.__('What will happen')}</h3>
      <ul>
        {act.consequences.map((consequence, i) => (
          <li key={i}>{consequence}</li>
        ))}
      </ul>
      <label className="rw-reason">
        {trans.__('Reason, for the history')}
        <textarea className="jp-mod-styled" rows={2} onChange={event => onReason(event.target.value)} />
      </label>
    </Speaking>
  );
}

class ConfirmBody extends ReactWidget implements Dialog.IBodyWidget<string> {
  constructor(
    private readonly act: IProductionAct,
    private readonly words: IWords
  ) {
    super();
    this.addClass('rw-confirm');
  }

  getValue(): string {
    return this.reason.trim();
  }

  protected override render(): JSX.Element {
    return <Confirm act={this.act} words={this.words} onReason={reason => (this.reason = reason)} />;
  }

  private reason = '';
}

/** Ask whether an act is meant; its reason, or null when it is not. */
export async function confirm(act: IProductionAct, words: IWords): Promise<string | null> {
  const { trans } = words;
  const verbs = {
    promote: trans.__('Promote'),
    rollback: trans.__('Roll back'),
    approve: trans.__('Approve'),
    reject: trans.__('Reject')
  };
  const answer = await showDialog({
    title: act.title,
    body: new ConfirmBody(act, words),
    buttons: [
      Dialog.cancelButton({ label: trans.__('Cancel') }),
      act.act === 'reject'
        ? Dialog.okButton({ label: verbs[act.act] })
        : Dialog.warnButton({ label: verbs[act.act] })
    ],
    defaultButton: 0,
    focusNodeSelector: 'textarea'
  });
  return answer.button.accept ? (answer.value ?? '') : null;
}

/** Say something that has to be read: what is not possible, and why. */
export async function say(title: string, sentences: readonly string[], words: IWords): Promise<void> {
  const body = new Said(sentences);
  await showDialog({ title, body, buttons: [Dialog.okButton({ label: words.trans.__('Close') })] });
}

class Said extends ReactWidget {
  constructor(private readonly sentences: readonly string[]) {
    super();
    this.addClass('rw-confirm');
  }

  protected override render(): JSX.Element {
    return (
      <>
        {this.sentences.map((words, i) => (
          <p key={i}>{words}</p>
        ))}
      </>
    );
  }
}

class NoteBody extends ReactWidget implements Dialog.IBodyWidget<string> {
  constructor(
    private readonly what: string,
    private readonly label: string
  ) {
    super();
    this.addClass('rw-confirm');
  }

  getValue(): string {
    return this.note.trim();
  }

  protected override render(): JSX.Element {
    return (
      <>
        <p>{this.what}</p>
        <label className="rw-reason">
          {this.label}
          <textarea className="jp-mod-styled" rows={2} onChange={event => (this.note = event.target.value)} />
        </label>
      </>
    );
  }

  private note = '';
}

/** Ask for a note on an alert; null when nothing is to be done. */
export async function note(title: string, what: string, verb: string, words: IWords): Promise<string | null> {
  const { trans } = words;
  const answer = await showDialog({
    title,
    body: new NoteBody(what, trans.__('Note, for whoever looks at it later')),
    buttons: [Dialog.cancelButton({ label: trans.__('Cancel') }), Dialog.okButton({ label: verb })],
    focusNodeSelector: 'textarea'
  });
  return answer.button.accept ? (answer.value ?? '') : null;
}
