import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import test from 'ava'
import { newestServer, stableServer } from '../support/nats-binaries.js'

const FOLDER = fileURLToPath(new URL('../../../deploy/nats/', import.meta.url))
const MEMBER = { NATS_NAME: 'a', NATS_PORT: '4222', NATS_ROUTE_PORT: '6222', NATS_STORE: '/var/lib/nats/a' }

for (const [name, binary] of [
  ['stable', stableServer],
  ['newest', newestServer],
] as const) {
  for (const [file, env] of [
    ['jetstream.conf', {}],
    ['cluster.conf', MEMBER],
  ] as const) {
    test(`the ${name} nats-server of Debian takes our ${file}`, async t => {
      const { path } = await binary()
      const { stderr } = await promisify(execFile)(path, ['-t', '-c', `${FOLDER}${file}`], {
        env: { ...process.env, ...env },
      })
      t.regex(stderr, /is valid/)
    })
  }
}
