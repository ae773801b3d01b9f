import { ITranslator, nullTranslator, TranslationBundle } from '@jupyterlab/translation';
import React, { createContext, useContext } from 'react';

import { Figures, figuresOf } from './figures';

/** What is needed to say something to a reader. */
export interface IWords {
  trans: TranslationBundle;
  figures: Figures;
}

export function wordsOf(translator: ITranslator | null | undefined): IWords {
  const known = translator ?? nullTranslator;
  const trans = known.load('roadworthy');
  return { trans, figures: figuresOf(known, trans) };
}

export const Words = createContext<IWords>(wordsOf(null));

export function useWords(): IWords {
  return useContext(Words);
}

/** A moment, readable by programs as well. */
export function Moment({ at }: { at: string }): JSX.Element {
  const { figures } = useWords();
  return <time dateTime={at}>{figures.moment(at)}</time>;
}
