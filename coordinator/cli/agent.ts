// `manyhands agent`: this machine's cores, lent to the jobs on a NATS server until a signal. The first one drains: nothing
// more is taken, what is held is finished. In: --nats, --slots, … Out: lines on standard error, an exit code.
import { setTimeout as sleep } from 'node:timers/promises'
import { lineLog } from '../../proto/log.js'
import type { Command } from './command.js'
import { EXIT, Fault, messageOf } from './fault.js'
import { formatSeconds, plural } from './figures.js'
import { onInterrupt } from './interrupt.js'
import { type CheckedNats, checkNats } from './place.js'
import type { Settings } from './settings.js'

const DRAIN_SECONDS = 30
// What giving back may take after that.
const LATE_SECONDS = 5

const say = (line: string): void => {
  process.stderr.write(`${line}\n`)
}

const start = async (settings: Settings, nats: CheckedNats) => {
  const { startAgent } = await import('../../agent/main.js')
  const name = settings.get('name')
  const slots = settings.get('slots')
  const labels = settings.get('label')
  const cacheFolder = settings.get('cache')
  try {
    return await startAgent({
      nats: nats.url,
      insecure: settings.isOn('insecure'),
      onPrint: say,
      log: lineLog(text => process.stderr.write(text), settings.isOn('verbose') ? 'debug' : 'info'),
      ...(name === undefined ? {} : { name }),
      ...(labels === undefined ? {} : { labels }),
      ...(slots === undefined ? {} : { slots }),
      ...(cacheFolder === undefined ? {} : { cacheFolder }),
    })
  } catch (error) {
    const advice = 'Is the server up? manyhands doctor --nats URL looks closer.'
    throw new Fault('MH-NATS', `the agent cannot join ${nats.display}: ${messageOf(error)}`, advice, error)
  }
}

export const agent: Command = async ({ settings }) => {
  const nats = checkNats(settings)
  const drainSeconds = settings.get('drainTimeout') ?? DRAIN_SECONDS
  let askedBy: (signal: string) => void = () => {}
  const asked = new Promise<string>(resolve => {
    askedBy = resolve
  })
  // Before the start, so that a signal at any time is heard.
  const interrupt = onInterrupt(signal => askedBy(signal))
  if (settings.isOn('endWithStdin')) endWithStdin()
  const running = await start(settings, nats)
  say(`agent ${running.name} lends ${plural(running.slots, 'slot')} to ${nats.display}`)
  const wished = running.drainAsked.then(by => {
    say(`agent ${running.name} was asked to drain by coordinator ${by}`)
    return by
  })
  const first = await Promise.race([running.ended.then(error => ({ error })), asked, wished])
  if (typeof first !== 'string') {
    interrupt.stop()
    await running.stop()
    const why = first.error ? messageOf(first.error) : 'the connection is gone'
    throw new Fault('MH-AGENT-ENDED', `agent ${running.name} ended: ${why}`, undefined, first.error)
  }
  say(
    `agent ${running.name} drains: it finishes what it holds, for at most ${formatSeconds(drainSeconds)}; once more ends at once`,
  )
  const late = sleep((drainSeconds + LATE_SECONDS) * 1000, 'late' as const, { ref: false })
  const drained = await Promise.race([running.drain(drainSeconds).then(() => 'drained' as const), late])
  if (drained === 'late') say(`agent ${running.name} did not finish in time: what it held goes to others`)
  await running.stop()
  interrupt.stop()
  return EXIT.done
}

/** Whoever started this agent holds the other end: when they are gone, however they went, so is the agent. */
const endWithStdin = (): void => {
  const end = (): void => process.exit(EXIT.notRun)
  process.stdin.on('end', end)
  process.stdin.on('error', end)
  process.stdin.resume()
}
