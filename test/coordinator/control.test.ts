// The control service as clients meet it when things go wrong: refusals, clients that go, daemons that end, links that are cut.
import { setMaxListeners } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { credentials, Metadata, type ServiceError, status } from '@grpc/grpc-js'
import test, { type ExecutionContext } from 'ava'
import { type DeskClient, openClient } from '../../coordinator/client.js'
import { type Control, openControl } from '../../coordinator/control.js'
import { askedToWire } from '../../coordinator/control-messages.js'
import { type AskedPart, type Desk, DeskError, type JobAsked, type JobView } from '../../coordinator/serve/desk.js'
import { ControlServiceClient } from '../../proto/gen/control.js'
import { BadRequest, ErrorInfo, RetryInfo, Status } from '../../proto/gen/status.js'
import type { LogLevel } from '../../proto/log.js'
import { deskOf } from '../support/desk-of.js'
import { TcpProxy } from '../support/tcp-proxy.js'

const VIEW: JobView = {
  id: '1-x',
  number: 1,
  name: 'x',
  state: 'running',
  settled: 0,
  failed: 0,
  wallSeconds: 0,
  submitted: '',
  weight: 1,
  priority: 0,
  slots: 1,
}
const ASKED: JobAsked = { name: 'x', runner: 'node', entry: 'f.mjs', function: 'f', input: { format: 'lines' } }
const never = new AbortController().signal
setMaxListeners(0, never)

const open = async (t: ExecutionContext, own: Partial<Desk>, host = '127.0.0.1') => {
  const said: string[] = []
  const log = (level: LogLevel, message: string) => void said.push(`${level} ${message}`)
  const control: Control = await openControl(deskOf(own), { host, port: 0, log })
  const client: DeskClient = await openClient(control.address)
  t.teardown(async () => {
    client.close()
    await control.close(0)
  })
  return { control, client, said }
}

const until = async (t: ExecutionContext, what: string, isSo: () => boolean, seconds = 5): Promise<void> => {
  for (const end = performance.now() + seconds * 1000; !isSo(); await sleep(10))
    if (performance.now() > end) t.fail(what)
}

test('what a desk refuses is a status for all clients, and details for programs', async t => {
  const refusals = [
    [new DeskError('JOB_UNKNOWN', 'there is no job 1-x'), status.NOT_FOUND],
    [new DeskError('JOB_STATE', 'it runs'), status.FAILED_PRECONDITION],
    [new DeskError('ASKED', 'weight: no', { field: 'weight' }), status.INVALID_ARGUMENT],
    [new DeskError('BUSY', 'later'), status.RESOURCE_EXHAUSTED],
  ] as const
  let refusal: Error = refusals[0][0]
  const { control, client, said } = await open(t, {
    describe: async () => {
      throw refusal
    },
  })
  const raw = new ControlServiceClient(control.address, credentials.createInsecure())
  t.teardown(() => raw.close())
  const refused = () =>
    new Promise<ServiceError>(resolve =>
      raw.describeJob({ jobId: '1-x' }, new Metadata(), error => error && resolve(error)),
    )
  for (const [error, code] of refusals) {
    refusal = error
    await t.throwsAsync(client.describe('1-x'), { instanceOf: DeskError, code: error.code, message: error.message })
    const { code: got, details, metadata } = await refused()
    t.deepEqual([got, details], [code, error.message])
    const decoded = Status.decode(metadata.get('grpc-status-details-bin')[0] as Buffer)
    t.deepEqual([decoded.code, decoded.message], [code, error.message])
    const find = (name: string) =>
      decoded.details.find(({ typeUrl }) => typeUrl === `type.googleapis.com/google.rpc.${name}`)?.value
    t.deepEqual(ErrorInfo.decode(find('ErrorInfo') as Uint8Array), { reason: error.code, domain: 'manyhands' })
    const bad = find('BadRequest')
    t.deepEqual(
      bad && BadRequest.decode(bad).fieldViolations.map(({ field }) => field),
      error.field === undefined ? undefined : [error.field],
    )
    const retry = find('RetryInfo')
    t.is(retry && RetryInfo.decode(retry).retryDelay?.seconds, error.code === 'BUSY' ? 1n : undefined)
  }
  refusal = new TypeError('secrets of the inside')
  const { code, details } = await refused()
  t.is(code, status.INTERNAL)
  t.notRegex(details, /secrets/)
  t.regex(said.join(), /error A call failed: TypeError: secrets of the inside/)
})

test('a client that goes away in the middle of a submission ends what the desk reads', async t => {
  let ended: unknown
  let read = 0
  const { control } = await open(t, {
    submit: async (_asked, parts) => {
      try {
        for await (const _ of parts) read++
      } catch (error) {
        ended = error
        throw error
      }
      throw new Error('it was read to its end')
    },
  })
  const raw = new ControlServiceClient(control.address, credentials.createInsecure())
  t.teardown(() => raw.close())
  const call = raw.submit(() => {})
  call.on('error', () => {})
  call.write({ part: { $case: 'description', value: askedToWire(ASKED) } })
  call.write({ part: { $case: 'input', value: new Uint8Array(1000) } })
  await until(t, 'its beginning', () => read > 0)
  call.cancel()
  await until(t, 'its end', () => ended !== undefined)
  t.regex(String(ended), /the client went away|it was cut off/)
})

test('a submission is read no faster than the desk takes it', async t => {
  let taken = 0
  let sent = 0
  const { client } = await open(t, {
    submit: async (_asked, parts) => {
      for await (const { data } of parts) {
        taken += data.length
        await sleep(10)
      }
      return VIEW
    },
  })
  async function* much(): AsyncGenerator<AskedPart> {
    for (let nth = 0; nth < 150; nth++) {
      sent += 1_000_000
      t.true(sent - taken < 40_000_000, `${sent - taken} bytes are under way`)
      yield { type: 'input', data: Buffer.alloc(1_000_000) }
    }
  }
  t.is((await client.submit(ASKED, much())).id, VIEW.id)
  t.is(taken, 150_000_000)
})

test('what the desk has taken of a submission is not held any more', async t => {
  setFlagsFromString('--expose-gc')
  const collect: () => void = runInNewContext('gc')
  const taken: WeakRef<Uint8Array>[] = []
  let held = 0
  const { client } = await open(t, {
    submit: async (_asked, parts) => {
      for await (const { data } of parts) taken.push(new WeakRef(data))
      await sleep(50)
      collect()
      held = taken.filter(each => each.deref() !== undefined).length
      return VIEW
    },
  })
  async function* many(): AsyncGenerator<AskedPart> {
    for (let nth = 0; nth < 200; nth++) yield { type: 'input', data: Buffer.alloc(100_000) }
  }
  await client.submit(ASKED, many())
  t.is(taken.length, 200)
  t.true(held < 20, `${held} of them are held`)
})

test('results are sent no faster than they are read, and end with whoever reads them', async t => {
  let given = 0
  let isOver = false
  const { client } = await open(t, {
    async *results() {
      try {
        for (let start = 0; start < 1e6; start++) {
          given++
          yield {
            start,
            end: start + 1,
            values: { form: 'json', count: 1, text: Buffer.from(`"${'x'.repeat(500_000)}"\n`) },
            failures: [],
          }
        }
      } finally {
        isOver = true
      }
    },
  })
  let read = 0
  for await (const { start } of client.results('1-x', {}, never)) {
    t.is(start, read++)
    await sleep(10)
    t.true(given - read < 60, `${given} given, ${read} read`)
    if (read === 60) break
  }
  await until(t, 'their end', () => isOver)
})

test('two hundred watch at once, and nothing is left of those who go', async t => {
  let watching = 0
  const { client } = await open(t, {
    async *watch(_job, signal) {
      watching++
      try {
        yield VIEW
        await new Promise(resolve => signal.addEventListener('abort', resolve))
      } finally {
        watching--
      }
    },
  })
  const stop = new AbortController()
  setMaxListeners(0, stop.signal)
  let seen = 0
  const all = Array.from({ length: 200 }, async () => {
    for await (const { id } of client.watch('1-x', stop.signal)) if (id === VIEW.id) seen++
  })
  await until(t, 'all of them', () => seen === 200)
  t.is(watching, 200)
  stop.abort()
  await Promise.allSettled(all)
  await until(t, 'nobody', () => watching === 0)
})

test('a service that closes ends what is watched, and takes no more', async t => {
  const { control, client } = await open(t, {
    async *watch(_job, signal) {
      yield VIEW
      await new Promise(resolve => signal.addEventListener('abort', resolve))
      signal.throwIfAborted()
    },
  })
  let seen = 0
  const watched = (async () => {
    for await (const _ of client.watch('1-x', never)) seen++
  })()
  await until(t, 'the first view', () => seen > 0)
  const began = performance.now()
  await Promise.all([control.close(5), control.close(5), t.throwsAsync(watched, { code: 'ENDING' })])
  t.true(performance.now() - began < 4000)
  const late = await openClient(control.address)
  await t.throwsAsync(late.jobs(), { instanceOf: DeskError, code: 'UNREACHABLE', message: /no daemon answers at 127/ })
  late.close()
})

test('a client with two addresses goes on with the one that answers, whichever that is', async t => {
  const first = await open(t, { jobs: async () => [{ ...VIEW, name: 'first' }] })
  const second = await open(t, { jobs: async () => [{ ...VIEW, name: 'second' }] })
  const client = await openClient(`${first.control.address},${second.control.address}`)
  t.teardown(() => client.close())
  const names = async (): Promise<string[]> => (await client.jobs()).map(({ name }) => name)
  t.deepEqual(await names(), ['first'])
  await first.control.close(0)
  t.deepEqual(await Promise.all(Array.from({ length: 20 }, names)), Array(20).fill(['second']))
})

test('a call past its deadline ends what the desk does for it', async t => {
  let isOver = false
  const { control } = await open(t, {
    async *watch(_job, signal) {
      try {
        yield VIEW
        await new Promise(resolve => signal.addEventListener('abort', resolve))
      } finally {
        isOver = true
      }
    },
  })
  const raw = new ControlServiceClient(control.address, credentials.createInsecure())
  t.teardown(() => raw.close())
  const error = await new Promise<ServiceError>(resolve => {
    const call = raw.watch({ jobId: '1-x' }, new Metadata(), { deadline: Date.now() + 1000 })
    call.on('error', resolve)
    call.resume()
  })
  t.is(error.code, status.DEADLINE_EXCEEDED)
  await until(t, 'the end of its view', () => isOver)
})

test('a message that is too long is refused, and says so', async t => {
  const { control } = await open(t, { submit: async () => VIEW })
  const raw = new ControlServiceClient(control.address, credentials.createInsecure())
  t.teardown(() => raw.close())
  const error = await new Promise<ServiceError | null>(resolve => {
    const call = raw.submit(resolve)
    call.on('error', () => {})
    call.write({ part: { $case: 'shared', value: new Uint8Array(5 * 1024 * 1024) } })
    call.end()
  })
  t.is(error?.code, status.RESOURCE_EXHAUSTED)
  t.regex(error?.details ?? '', /larger|max/i)
})

test('a submission begins with its description', async t => {
  const { control } = await open(t, { submit: async () => VIEW })
  const raw = new ControlServiceClient(control.address, credentials.createInsecure())
  t.teardown(() => raw.close())
  const error = await new Promise<ServiceError | null>(resolve => {
    const call = raw.submit(resolve)
    call.write({ part: { $case: 'input', value: new Uint8Array(1) } })
    call.end()
  })
  t.is(error?.code, status.INVALID_ARGUMENT)
  t.regex(error?.details ?? '', /the first message is input: expected the description/)
})

test('a link that carries nothing any more is noticed', async t => {
  const { control } = await open(t, {
    async *watch() {
      yield VIEW
      await sleep(60_000, undefined, { ref: false })
    },
  })
  const proxy = await TcpProxy.start(Number(control.address.split(':')[1]))
  t.teardown(() => proxy.stop())
  const client = await openClient(`127.0.0.1:${proxy.port}`)
  t.teardown(() => client.close())
  const views = client.watch('1-x', never)[Symbol.asyncIterator]()
  await views.next()
  proxy.quality.frozen = true
  const began = performance.now()
  await t.throwsAsync(views.next() as Promise<unknown>, { code: 'UNREACHABLE' })
  t.true(performance.now() - began < 20_000)
})

test('it listens on this machine alone', async t => {
  await t.throwsAsync(openControl(deskOf({}), { host: '0.0.0.0', port: 0, log: () => {} }), {
    message: /this machine alone/,
  })
  const { client } = await open(t, {}, 'localhost')
  t.deepEqual(await client.jobs(), [])
})
