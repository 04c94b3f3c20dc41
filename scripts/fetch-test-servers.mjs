// Fetches the nats-server programs that the tests run on, ahead of them: `node scripts/fetch-test-servers.mjs`, after
// `npm run build`. Prints each with its version, or one line that says what to do.
import { existsSync } from 'node:fs'

const built = new URL('../dist/test/support/nats-binaries.js', import.meta.url)
if (!existsSync(built)) {
  console.error('run "npm run build" first')
  process.exit(1)
}
const { newestServer, stableServer } = await import(built)
try {
  for (const fetch of [stableServer, newestServer]) {
    const { path, version } = await fetch()
    console.log(`nats-server ${version}: ${path}`)
  }
} catch (error) {
  console.error(error.message)
  process.exitCode = 1
}
