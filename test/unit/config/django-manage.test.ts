import { describe, expect, it } from 'vitest';
import { readManageFile } from '../../../src/config/django-manage.ts';

describe('what manage.py says', () => {
  it.each([
    ['os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mysite.settings")', 'mysite.settings', false],
    ["    os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'a.b.c')", 'a.b.c', false],
    [
      'os.environ.setdefault(\n    "DJANGO_SETTINGS_MODULE",\n    "mysite.settings",\n)',
      'mysite.settings',
      false,
    ],
    ['os.environ["DJANGO_SETTINGS_MODULE"] = "forced.settings"', 'forced.settings', true],
    [
      'from django.core.management import execute_manager\nimport settings\nexecute_manager(settings)',
      'settings',
      false,
    ],
    ['# os.environ.setdefault("DJANGO_SETTINGS_MODULE", "old")', undefined, false],
    ['os.environ.setdefault("DJANGO_SETTINGS_MODULE", name)', undefined, false],
    [
      'if x:\n os.environ.setdefault("DJANGO_SETTINGS_MODULE", "one")\nelse:\n os.environ.setdefault("DJANGO_SETTINGS_MODULE", "two")',
      undefined,
      false,
    ],
  ])('of the settings: %s', (text, settings, isForced) => {
    expect(readManageFile(text)).toEqual({ settings, isForced, interpreter: undefined });
  });

  it.each([
    ['#!/usr/bin/env python3\n', 'python3'],
    ['#!/usr/bin/env -S python3 -W ignore\n', 'python3'],
    ['#! /usr/bin/env python\n', 'python'],
    ['#!/srv/venv/bin/python\n', '/srv/venv/bin/python'],
    ['#!/usr/bin/python2.7 -u\n', '/usr/bin/python2.7'],
    ['import os\n', undefined],
    ['#!\n', undefined],
  ])('of the interpreter: %j', (text, interpreter) => {
    expect(readManageFile(text).interpreter).toBe(interpreter);
  });
});
