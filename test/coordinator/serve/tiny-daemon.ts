// A coordinator daemon as a process of its own, for tests that kill or freeze it. In: a NATS URL, a name, replicas; jobs to submit, one as JSON
// a line of standard input. Out: a line once it is open, then the id of each job; its log on standard error. It ends in good order at
// SIGTERM.
import { createInterface } from 'node:readline'
import { openDaemon } from '../../../coordinator/serve/daemon.js'
import type { AskedPart, JobAsked } from '../../../coordinator/serve/desk.js'
import { lineLog } from '../../../proto/log.js'

export interface Order {
  readonly asked: JobAsked
  /** Of the module that the job's function is in. */
  readonly source: string
  /** Its input has no end. */
  readonly isEndless?: boolean
}

const [nats, name, replicas] = process.argv.slice(2) as [string, string, string]
const daemon = await openDaemon({
  nats,
  name,
  replicas: Number(replicas),
  log: lineLog(line => process.stderr.write(line)),
})
process.once('SIGTERM', () => {
  void daemon.close().then(() => process.exit(0))
})

async function* partsOf({ asked, source, isEndless = false }: Order): AsyncGenerator<AskedPart> {
  yield { type: 'file', path: asked.entry, data: Buffer.from(source) }
  while (isEndless) {
    yield { type: 'input', data: Buffer.alloc(100_000, '1\n') }
    await new Promise(resolve => setTimeout(resolve, 20))
  }
}

console.log('open')
for await (const line of createInterface({ input: process.stdin })) {
  const order = JSON.parse(line) as Order
  const { id } = await daemon.desk.submit(order.asked, partsOf(order))
  console.log(id)
}
