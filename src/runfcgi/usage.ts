import { djangoWords, ownWords, type Word } from '../config/runfcgi-word-table.ts';

/** What `runfcgid runfcgi help` prints. */
export function runfcgiUsage(): string {
  return `Usage: runfcgid runfcgi KEY=VALUE…

Runs the Django project in the current directory as a FastCGI site, with the
words of "./manage.py runfcgi". With socket=, or with host= and port=, it goes
to the background; otherwise it serves the socket on fd 0 that a web server has
started it with.

Words of Django's command:
${rows(djangoWords)}
More words:
${rows(ownWords)}
Examples:
  runfcgid runfcgi method=threaded host=127.0.0.1 port=3033
  runfcgid runfcgi method=prefork socket=/home/user/mysite.sock pidfile=django.pid
  runfcgid runfcgi daemonize=false socket=/tmp/mysite.sock

  kill $(cat django.pid)      stops the site; what is in hand is finished
  kill -HUP $(cat django.pid) new workers, without losing a request
`;
}

function rows(words: Readonly<Record<string, Word<unknown>>>): string {
  return Object.entries(words)
    .map(([name, word]) => {
      const usual = word.default === undefined ? '' : `; default ${word.default}`;
      return `  ${`${name}=`.padEnd(17)} ${word.meaning}${usual}\n`;
    })
    .join('');
}
