import React, { Component, ReactNode } from 'react';

import { Mark } from '../charts/mark';
import { RequestError } from '../request';
import { IWords, Speaking, useWords } from '../words';
import { Unreadable } from './shapes';

/** What went wrong and what to do about it, in the place of what cannot be shown. */
export function Problem({ error }: { error: unknown }): JSX.Element {
  const { trans } = useWords();
  const known = error instanceof Unreadable || error instanceof RequestError;
  const next =
    known && error.next ? error.next : trans.__('Load this page again; if it stays, open the file as text.');
  return (
    <div className="rw-problem" role="alert">
      <p>
        <Mark tone="bad">{error instanceof Error ? error.message : String(error)}</Mark>
      </p>
      <p>{next}</p>
    </div>
  );
}

interface IBoundaryProps {
  words: IWords;
  children: ReactNode;
}

/** Gives words to all that it holds, and says so where drawing it fails: nothing ever stays blank. */
export class Boundary extends Component<IBoundaryProps, { error: unknown }> {
  override state = { error: null as unknown };

  static getDerivedStateFromError(error: unknown): { error: unknown } {
    return { error };
  }

  override componentDidUpdate(before: IBoundaryProps): void {
    if (before.children !== this.props.children && this.state.error !== null) {
      this.setState({ error: null });
    }
  }

  override render(): JSX.Element {
    const { words, children } = this.props;
    return (
      <Speaking words={words}>
        {this.state.error === null ? children : <Problem error={this.state.error} />}
      </Speaking>
    );
  }
}
