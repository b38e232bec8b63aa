import { expect, it } from 'vitest';
import { guessPreset } from '../../../src/plan/preset-guess.ts';

it.each([
  ['php-cgi', 'php-cgi'],
  ['/usr/bin/php-cgi8.2', 'php-cgi'],
  ['/usr/bin/php8.2-cgi -c /etc/php.ini', 'php-cgi'],
  ['/usr/bin/env php-cgi', 'php-cgi'],
  ['/usr/bin/php', 'generic'],
  ['/srv/app/x.pl', 'perl'],
  ['perl -T x.fcgi', 'perl'],
  ['/usr/bin/perl5.36 x.fcgi', 'perl'],
  ['./mysite.fcgi', 'generic'],
  ['./manage.py runfcgi method=threaded', 'django-legacy'],
  ['python2.7 manage.py runfcgi', 'django-legacy'],
  ['/usr/bin/env python manage.py runfcgi', 'django-legacy'],
  ['django-admin runfcgi', 'django-legacy'],
  ['./manage.py migrate', 'generic'],
  ['python3 -m runfcgi project=/srv settings=s', 'django'],
  ['python3 -m runfcgi application=a:b', 'wsgi'],
  ['runfcgi', 'generic'],
])('%s is %s', (command, preset) => {
  expect(guessPreset(command.split(' '))).toBe(preset);
});
