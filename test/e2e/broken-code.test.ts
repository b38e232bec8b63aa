import { chmodSync, rmSync, symlinkSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { TestDaemon, writeConfig } from '../helpers/daemon.ts';
import { ask } from '../helpers/http-client.ts';
import { startNginx } from '../helpers/nginx.ts';
import { SteadyLoad } from '../helpers/steady-load.ts';
import { Workspace } from '../helpers/workspace.ts';

/** Debian's, which has Django; a link to it stands for the interpreter of the site's virtual environment. */
const interpreter = '/usr/bin/python3';

let workspace: Workspace;
let address: string;

beforeEach(() => {
  workspace = new Workspace();
  address = `unix:${workspace.file('site.sock')}`;
});

afterEach(() => workspace.close());

/** What a deploy brings, or breaks. */
interface Code {
  readonly deploy: () => void;
}

interface BrokenCode extends Code {
  readonly trouble: string;
  /** In what `fcgictl restart` prints. */
  readonly reason: string;
  /** Among the lines below it. */
  readonly line: string;
}

/** A WSGI application that answers with its version; `more` runs when it is imported. */
function wsgi(version: string, more = '', body = `[b"${version}"]`): void {
  workspace.write(
    'site/site_app.py',
    `import os, sys, time\n${more}\ndef application(environ, start_response):\n    start_response("200 OK", [("Content-Type", "text/plain")])\n    return ${body}\n`,
  );
}

function django(version: string, urls = 'path("", hello), path("health/", health)'): void {
  workspace.write(
    'site/site_settings.py',
    'SECRET_KEY = "x"\nALLOWED_HOSTS = ["*"]\nROOT_URLCONF = "site_urls"\nINSTALLED_APPS = []\n',
  );
  workspace.write(
    'site/site_urls.py',
    `from django.http import HttpResponse
from django.urls import path
def hello(request): return HttpResponse("${version}")
def health(request):
    if "${version}" == "broken": raise ValueError("the view is broken")
    return HttpResponse("well")
urlpatterns = [${urls}]
`,
  );
}

function linkInterpreter(): void {
  rmSync(workspace.file('site/python'), { force: true });
  symlinkSync(interpreter, workspace.file('site/python'));
}

async function serve(pool: string): Promise<{ daemon: TestDaemon; load: SteadyLoad }> {
  const config = writeConfig(
    workspace,
    `[pools.site]\ndirectory = "site"\nlisten = "${address}"\nworkers = 2\nenvironment = { PYTHONDONTWRITEBYTECODE = "1" }\n${pool}\n`,
  );
  const daemon = await TestDaemon.start(workspace, config);
  const nginx = await startNginx(workspace, address);
  expect((await ask(nginx.url)).body.toString()).toBe('one');
  const reader = ({ body }: { body: Buffer }): string | undefined =>
    ['one', 'two'].find((version) => version === body.toString());
  const load = new SteadyLoad({ nginx, clients: 4, path: () => '/', reader });
  workspace.onClose(() => load.stop());
  return { daemon, load };
}

/** Broken code changes nothing but what is said; then the repaired code goes live. */
async function breakAndRepair(pool: string, broken: BrokenCode, repair: () => void): Promise<void> {
  const { daemon, load } = await serve(pool);
  const before = await daemon.workerPids('site');
  await load.goOn(20);
  broken.deploy();
  const refused = await daemon.fcgictl('restart', 'site');
  expect(refused.status).toBe(1);
  expect(refused.stderr).toContain(broken.reason);
  expect(refused.stderr).toContain(broken.line);
  await load.goOn(20);
  expect(await daemon.workerPids('site')).toEqual(before);
  const { state, refusedReload } = await daemon.pool('site');
  expect(state).toBe('running');
  expect(refusedReload?.reason).toContain(broken.reason);
  expect((await daemon.fcgictl('status')).stdout).toContain('reload refused');
  repair();
  expect((await daemon.fcgictl('restart', 'site')).status).toBe(0);
  load.expectNoMoreFrom(['one']);
  await load.goOn(20);
  expect(await load.stop()).toEqual({ ok: load.answered });
  expect((await daemon.pool('site')).refusedReload).toBeNull();
}

const wsgiPool = 'wsgi = { application = "site_app:application", python = "./python" }';

describe('broken code of a WSGI application', () => {
  const cases: readonly BrokenCode[] = [
    {
      trouble: 'a syntax error',
      deploy: () => wsgi('broken', 'def ('),
      reason: 'SyntaxError',
      line: 'def (',
    },
    {
      trouble: 'an import that fails',
      deploy: () => wsgi('broken', 'import no_such_module'),
      reason: "No module named 'no_such_module'",
      line: 'Traceback (most recent call last):',
    },
    {
      trouble: 'an exception at its start',
      deploy: () => wsgi('broken', 'def begin():\n    raise ValueError("no such shop")\nbegin()'),
      reason: 'ValueError: no such shop',
      line: 'in begin',
    },
    {
      trouble: 'an end at its start',
      deploy: () => wsgi('broken', 'print("nothing to do", flush=True)\nos._exit(0)'),
      reason: 'exited with status 0',
      line: 'nothing to do',
    },
    {
      trouble: 'an interpreter that is gone',
      deploy: () => rmSync(workspace.file('site/python')),
      reason: 'does not exist',
      line: '/site/python',
    },
    {
      trouble: 'an interpreter that is none',
      deploy: () => {
        rmSync(workspace.file('site/python'));
        workspace.write('site/python', '#!/no/such/interpreter\n');
        chmodSync(workspace.file('site/python'), 0o755);
      },
      reason: '/no/such/interpreter',
      line: '/no/such/interpreter',
    },
  ];

  test.each(cases)('$trouble', async (broken) => {
    wsgi('one');
    linkInterpreter();
    await breakAndRepair(wsgiPool, broken, () => {
      linkInterpreter();
      wsgi('two');
    });
  });

  test('a start that hangs', async () => {
    wsgi('one');
    linkInterpreter();
    const hangs = 'print("waiting for the database", flush=True)\ntime.sleep(600)';
    const broken = {
      trouble: '',
      deploy: () => wsgi('broken', hangs),
      reason: 'was not ready 15 s after its start and was killed',
      line: 'waiting for the database',
    };
    // Far more than a start takes that does not hang.
    await breakAndRepair(`${wsgiPool}\nboot_timeout = "15s"`, broken, () => wsgi('two'));
  });

  test('an answer that is an exception, which only a request sees', async () => {
    wsgi('one');
    linkInterpreter();
    const broken = {
      trouble: '',
      deploy: () => wsgi('broken', '', 'NO_SUCH_NAME'),
      reason: 'the proof request / was answered 500, expected 200 to 499',
      line: "NameError: name 'NO_SUCH_NAME' is not defined",
    };
    await breakAndRepair(`${wsgiPool}\nproof = { path = "/" }`, broken, () => wsgi('two'));
  });
});

describe('broken code of a Django project', () => {
  const djangoPool = 'django = { settings = "site_settings", python = "./python" }';

  test('a URLconf that cannot be imported', async () => {
    django('one');
    linkInterpreter();
    const broken = {
      trouble: '',
      deploy: () => django('broken', 'path("", no_such_view)'),
      reason: "name 'no_such_view' is not defined",
      line: 'site_urls.py',
    };
    await breakAndRepair(djangoPool, broken, () => django('two'));
  });

  test('a view that fails, which a request sees', async () => {
    django('one');
    linkInterpreter();
    const broken = {
      trouble: '',
      deploy: () => django('broken'),
      reason: 'the proof request /health/ was answered 500, expected 200',
      line: 'Server Error (500)',
    };
    const proof = 'proof = { path = "/health/", host = "example.com", status = 200 }';
    await breakAndRepair(`${djangoPool}\n${proof}`, broken, () => django('two'));
  });
});

describe('a program that answers badly', () => {
  test('fails to start, with the first lines of its answer', async () => {
    workspace.write('site/site.php', '<?php http_response_code(500); echo "no database\\n";');
    const script = workspace.file('site/site.php');
    const config = writeConfig(
      workspace,
      `[pools.site]\ncommand = ["php-cgi"]\nlisten = "${address}"\nworkers = 2\nmax_restarts = 0
proof = { path = "/", params = { SCRIPT_FILENAME = "${script}" } }\n`,
    );
    const daemon = await TestDaemon.start(workspace, config);
    const { status, stderr } = await daemon.fcgictl('start', 'site');
    expect(status).toBe(1);
    expect(stderr).toContain('the proof request / was answered 500');
    expect(stderr).toContain('no database');
    expect((await daemon.pool('site')).proof).toBe('request /');
    workspace.write('site/site.php', '<?php echo "one";');
    expect((await daemon.fcgictl('start', 'site')).status).toBe(0);
    expect((await daemon.pool('site')).state).toBe('running');
  });

  test('of libfcgi is told that it cannot be asked for values', async () => {
    const program = `use FCGI; my $r = FCGI::Request(); while ($r->Accept() >= 0) { print "\\r\\n" }`;
    workspace.write('site/site.pl', program);
    const config = writeConfig(
      workspace,
      `[pools.site]\ncommand = ["perl", "site.pl"]\ndirectory = "site"\nlisten = "${address}"\nworkers = 1
proof = { level = "values", timeout = "500ms" }\n`,
    );
    const daemon = await TestDaemon.start(workspace, config);
    const { status, stderr } = await daemon.fcgictl('start', 'site');
    expect(status).toBe(1);
    expect(stderr).toContain(
      'did not answer FCGI_GET_VALUES within 500ms, as the proof level "values" wants',
    );
  });
});
