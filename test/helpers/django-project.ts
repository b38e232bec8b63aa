import { chmodSync, mkdirSync } from 'node:fs';
import type { Workspace } from './workspace.ts';

const manage = `#!/usr/bin/env python3
import os
import sys
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mysite.settings")
from django.core.management import execute_from_command_line
execute_from_command_line(sys.argv)
`;

const settings = `SECRET_KEY = "test"
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "mysite.urls"
`;

/** Answers as the fixtures do: pid, method and path, after the seconds in the query, or once the file in it is there. */
const urls = `import os, sys, time
from django.http import HttpResponse
from django.urls import re_path

def page(request):
    if request.GET.get("say"):
        print(request.GET["say"], flush=True)
        print(request.GET["say"], file=sys.stderr, flush=True)
    time.sleep(float(request.GET.get("seconds", 0)))
    while not os.path.exists(request.GET.get("until", "/")):
        time.sleep(0.01)
    return HttpResponse("%d %s %s\\n" % (os.getpid(), request.method, request.get_full_path()))

urlpatterns = [re_path("", page)]
`;

/** A small Django project, as startproject makes one, in `project` of the workspace; returns its directory. */
export function writeDjangoProject(workspace: Workspace): string {
  const directory = workspace.file('project');
  mkdirSync(directory, { recursive: true });
  chmodSync(workspace.write('project/manage.py', manage), 0o755);
  workspace.write('project/mysite/__init__.py', '');
  workspace.write('project/mysite/settings.py', settings);
  workspace.write('project/mysite/urls.py', urls);
  return directory;
}
