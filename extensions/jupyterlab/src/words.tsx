import { ITranslator, nullTranslator, TranslationBundle } from '@jupyterlab/translation';
import React, { createContext, ReactNode, useContext } from 'react';

import { Figures } from './figures';
import { PageProvider } from './page';

/** What is needed to say something to a reader. */
export interface IWords {
  trans: TranslationBundle;
  figures: Figures;
}

export function wordsOf(translator: ITranslator | null | undefined): IWords {
  const known = translator ?? nullTranslator;
  const trans = known.load('roadworthy');
  return { trans, figures: Figures.for(known, trans) };
}

const Words = createContext<IWords>(wordsOf(null));

export function useWords(): IWords {
  return useContext(Words);
}

/** Gives words to all that it holds. */
export function Speaking({ words, children }: { words: IWords; children: ReactNode }): JSX.Element {
  return (
    <Words.Provider value={words}>
      <PageProvider value={{ trans: words.trans, locale: words.figures }}>{children}</PageProvider>
    </Words.Provider>
  );
}

/** A moment, readable by programs as well. */
export function Moment({ at }: { at: string }): JSX.Element {
  const { figures } = useWords();
  return <time dateTime={at}>{figures.moment(at)}</time>;
}
