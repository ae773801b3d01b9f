import described from '../../package.json';
import { VERSION } from '../version';

test('the page has the version of its package', () => {
  expect(VERSION).toBe(described.version);
});
