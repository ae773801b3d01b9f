import hooks from 'eslint-plugin-react-hooks';
import tseslint from 'typescript-eslint';

export default tseslint.config(
  { ignores: ['src/records.ts'] },
  ...tseslint.configs.strict,
  hooks.configs['recommended-latest'],
  {
    rules: {
      eqeqeq: 'error',
      'max-lines': ['error', 400],
      'no-restricted-properties': [
        'error',
        { property: 'innerHTML', message: 'Data is never HTML: use React or textContent.' },
        { property: 'outerHTML', message: 'Data is never HTML: use React or textContent.' },
        { property: 'insertAdjacentHTML', message: 'Data is never HTML: use React or textContent.' }
      ],
      'no-restricted-syntax': [
        'error',
        {
          selector: "JSXAttribute[name.name='dangerouslySetInnerHTML']",
          message: 'Data is never HTML: use React.'
        }
      ]
    }
  }
);
