/** What the lists of options leave open, below them. */

export const restartHelp = `
Where a pool serves this is a reload: nobody is refused, and workers that do
not show themselves ready are not taken. Where it does not, it is started.
With --hard the workers are stopped first and then started; in between
requests wait or fail. With --now they are not waited for but killed.`;

export const stopHelp = `
The address is taken away, requests in hand are finished, and what has not
ended after the "graceful_timeout" of its pool is killed. With --now nothing
is waited for: requests in hand are cut. Said while another stop waits it
hastens that one, and both return.`;

export const reloadHelp = `
Waits until the new workers serve. Workers that do not show themselves ready
are refused: then the exit status is 1, their last lines of output are
printed, and the workers from before go on serving.

--abort takes a reload back: one that is still on its way, or one that is
done as long as the workers from before drain. Exit status 1: there is none.

--config says what became of each pool that has changed; the others keep
their processes. Exit status 78: a pool has problems in it, and goes on as it
was; or all of it is invalid, and nothing has changed. Settings in [daemon]
count from the next start. The configuration to read is the one the daemon was
started with.`;

export const scaleHelp = `
The other workers go on. Those that leave finish what they have. It lasts
until the daemon ends or the configuration of the pool changes.`;

export const statusHelp = `
A pool whose last reload was refused runs, and counts as running: the workers
from before serve. "reload refused" and the reason stay until one succeeds, or
those workers are gone.

With --workers the last column is what each worker does now: method, URI and
age of its request, and how many more it has in hand. Of a program that is not
the Python engine it is only known whether it holds a connection.`;
