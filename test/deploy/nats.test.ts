import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import test from 'ava'
import { newestServer, stableServer } from '../support/nats-binaries.js'

const CONFIGURATION = fileURLToPath(new URL('../../../deploy/nats/jetstream.conf', import.meta.url))

for (const [name, binary] of [
  ['stable', stableServer],
  ['newest', newestServer],
] as const) {
  test(`the ${name} nats-server of Debian takes our configuration`, async t => {
    const { path } = await binary()
    const { stderr } = await promisify(execFile)(path, ['-t', '-c', CONFIGURATION])
    t.regex(stderr, /is valid/)
  })
}
