// Reporter for Node's test runner: one line `ok SUITE > TEST` or `not ok SUITE > TEST` for each test, with the
// error's text below. Suites and files are named, not counted.
export default async function* reporter(source) {
  const names = [];
  for await (const {type, data} of source) {
    if (type === 'test:start') {
      names.length = data.nesting;
      names[data.nesting] = data.name;
    } else if ((type === 'test:pass' || type === 'test:fail') && data.details?.type !== 'suite') {
      const name = [...names.slice(0, data.nesting), data.name].join(' > ').replaceAll('\n', ' ');
      if (type === 'test:pass') {
        yield `ok ${name}\n`;
      } else {
        const error = data.details.error;
        const text = String(error?.cause?.stack ?? error?.stack ?? error);
        yield `not ok ${name}\n${text.split('\n').slice(0, 12).map((line) => `# ${line}\n`).join('')}`;
      }
    }
  }
}
