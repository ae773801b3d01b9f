import { createContext } from 'react';

/** Whether a report is drawn for a page without script: everything opened, nothing to press. */
export const Still = createContext(false);
