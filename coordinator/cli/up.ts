// `manyhands up`: a whole cluster on this machine. In: how many agents. Out: a NATS server on loopback and agents that
// have joined it, until Ctrl-C; the line to use it with.
// Always true: what it starts ends with it, however it ends; it signals no process but its own children.
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { lookUp } from '../../agent/runner/path.js'
import { type Child, startChild } from './child.js'
import type { Command } from './command.js'
import { EXIT, Fault } from './fault.js'
import { plural } from './figures.js'
import { onInterrupt } from './interrupt.js'
import { type NatsServer, startNatsServer } from './nats-server.js'
import type { Settings } from './settings.js'

const MAIN = fileURLToPath(new URL('../main.js', import.meta.url))
// An agent that dies at once is started again after a rest that doubles up to this.
const LONGEST_REST_SECONDS = 10
const FIRST_REST_SECONDS = 0.5
const STEADY_SECONDS = 30
// A little more than an agent takes to drain.
const DRAIN_SECONDS = 35

const say = (line: string): void => {
  process.stderr.write(`${line}\n`)
}

const serverFileOf = (settings: Settings): string => {
  const file = settings.get('natsServer') ?? lookUp('nats-server', process.env.PATH)
  if (file !== undefined) return file
  throw new Fault(
    'MH-SERVER-MISSING',
    'there is no nats-server on PATH, and manyhands up needs one',
    'Debian: apt-get install nats-server; macOS: brew install nats-server; or name one: --nats-server FILE.',
  )
}

/** One agent that is started again whenever it dies, until stop(). */
class KeptAgent {
  readonly #name: string
  readonly #args: readonly string[]
  readonly #verbose: boolean
  #child: Child | undefined
  #stopping = false
  #rest = new AbortController()

  constructor(name: string, args: readonly string[], verbose: boolean) {
    this.#name = name
    this.#args = args
    this.#verbose = verbose
  }

  /** Resolves after stop(), when the agent is gone. */
  async keep(): Promise<void> {
    let restSeconds = FIRST_REST_SECONDS
    while (!this.#stopping) {
      const started = performance.now()
      // Its standard input is the leash: it ends when we do.
      this.#child = startChild(
        process.execPath,
        [MAIN, 'agent', ...this.#args, '--name', this.#name, '--end-with-stdin'],
        say,
      )
      if (this.#verbose) say(`starting agent ${this.#name} (process ${this.#child.pid})`)
      const how = await this.#child.ended
      if (this.#stopping) return
      if (performance.now() - started > STEADY_SECONDS * 1000) restSeconds = FIRST_REST_SECONDS
      say(`agent ${this.#name} ended (${how}); it is started again in ${restSeconds} s`)
      await sleep(restSeconds * 1000, undefined, { signal: this.#rest.signal }).catch(() => {})
      restSeconds = Math.min(restSeconds * 2, LONGEST_REST_SECONDS)
    }
  }

  /** The first call drains; kill() ends at once. */
  stop(): void {
    this.#stopping = true
    this.#rest.abort()
    this.#child?.signal('SIGTERM')
  }

  kill(): void {
    this.#child?.kill()
  }
}

const sayHowToUse = (server: NatsServer, agents: number): void => {
  say(`NATS server ${server.version} on ${server.url}, ${plural(agents, 'agent')}. Use it:`)
  say(`  manyhands map FUNCTION --range 0..1000 --nats ${server.url}`)
  say('Ctrl-C ends the cluster.')
}

export const up: Command = async ({ settings }) => {
  let ask: (what: 'asked') => void = () => {}
  const asked = new Promise<'asked'>(resolve => {
    ask = resolve
  })
  const interrupt = onInterrupt(() => ask('asked'))
  const server = await startNatsServer({
    file: serverFileOf(settings),
    port: settings.get('port'),
    store: settings.get('store'),
  })
  const verbose = settings.isOn('verbose')
  if (verbose) say(`nats-server (process ${server.pid}), store ${server.store}`)
  const count = settings.get('agents') ?? 1
  const slots = settings.get('slots')
  const args = ['--nats', server.url, ...(slots === undefined ? [] : ['--slots', String(slots)])]
  const agents = Array.from(
    { length: count },
    (_, place) => new KeptAgent(`up-${process.pid}-${place + 1}`, args, verbose),
  )
  const kept = Promise.all(agents.map(agent => agent.keep()))
  sayHowToUse(server, count)
  const first = await Promise.race([asked, server.ended])
  if (first === 'asked') say('ending: agents finish what they hold; Ctrl-C once more ends at once')
  for (const agent of agents) agent.stop()
  const late = sleep(first === 'asked' ? DRAIN_SECONDS * 1000 : 0, 'late' as const, { ref: false })
  if ((await Promise.race([kept, late])) === 'late') for (const agent of agents) agent.kill()
  await kept
  await server.stop()
  interrupt.stop()
  if (first === 'asked') return EXIT.done
  throw new Fault(
    'MH-SERVER-ENDED',
    `the NATS server ended by itself (${first})`,
    `Its last words:\n${server.lastWords()}`,
  )
}
