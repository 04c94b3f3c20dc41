import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import test from 'ava'

const STARTER = `
import { startWorker } from ${JSON.stringify(new URL('../../agent/process.js', import.meta.url).href)}
const started = new Promise(resolve => {
  const worker = startWorker({
    runner: 'node',
    clock: () => performance.now() / 1000,
    cwd: process.cwd(),
    onEvent: event => event.type === 'ready' && resolve(worker),
    onPrint: () => {},
  })
})
const worker = await started
await worker.close(20)
console.log(JSON.stringify(process.getActiveResourcesInfo().filter(what => what === 'Timeout')))
`

test('a worker that was closed leaves nothing behind for which the end of the process would wait', async t => {
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', STARTER], {
    timeout: 60_000,
  })
  t.deepEqual(JSON.parse(stdout), [])
})
