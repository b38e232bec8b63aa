/** Words of supervisorctl, systemctl, pm2, docker and the like, and what they are here. */
const otherWords: Readonly<Record<string, string>> = {
  kill: 'stop --now',
  list: 'status',
  ls: 'status',
  ps: 'status',
  show: 'status',
  top: 'status --workers',
  up: 'start',
  down: 'stop',
  quit: 'stop',
  shutdown: 'stop',
  graceful: 'reload',
  reread: 'reload --config',
  update: 'reload --config',
  test: 'check',
  configtest: 'check',
  validate: 'check',
};

/** The words of commander about a mistake on the command line, put as the rest of the program speaks. */
export function explainMistake(words: string): string {
  return words
    .replace(/^error: /, '')
    .replace(/^unknown command '(?<word>[^']*)'$/m, (sentence, word: string) => {
      const meant = Object.hasOwn(otherWords, word) ? otherWords[word] : undefined;
      return meant === undefined ? sentence : `${sentence}; "fcgictl ${meant}" does that`;
    })
    .replace(
      /^command-argument value '(?<value>.*)' is invalid for argument '(?<name>.*)'\. /,
      '$<name> "$<value>": ',
    )
    .replace(
      /^option '(?:-\w, )?(?<flag>--[\w-]+).*' argument '(?<value>.*)' is invalid\. /,
      '$<flag> "$<value>": ',
    );
}
