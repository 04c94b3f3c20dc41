// `manyhands serve`: a coordinator daemon until a signal. In: the NATS server, where to listen. Out: a service for those who ask. The
// first SIGINT or SIGTERM ends it in good order: its jobs go to other daemons, or wait for the next one; a second one ends it at once.
// Always true: nobody beyond this machine is listened to: who may ask may run code.
import { type Log, lineLog } from '../../proto/log.js'
import { isLoopback } from '../../proto/transport/url.js'
import type { Command } from './command.js'
import { EXIT, Fault, messageOf } from './fault.js'
import { onInterrupt } from './interrupt.js'
import { type CheckedNats, checkNats, natsFault } from './place.js'
import type { Settings } from './settings.js'
import { type Address, textOfAddress } from './values.js'

const LISTEN: Address = { host: '127.0.0.1', port: 4270 }
// What callers are given to hear the rest of what they asked for.
const GRACE_SECONDS = 3

const say = (line: string): void => {
  process.stderr.write(`${line}\n`)
}

const listenOf = (settings: Settings): Address => {
  const address = settings.get('listen') ?? LISTEN
  if (isLoopback(address.host)) return address
  throw new Fault(
    'MH-COORDINATOR-INSECURE',
    `${settings.at('listen')}: whoever reaches ${textOfAddress(address)} could run code on every agent, unasked who they are`,
    'Listen on 127.0.0.1, and let people in by a tunnel: ssh -L 4270:127.0.0.1:4270 HOST',
  )
}

const openDaemon = async (settings: Settings, nats: CheckedNats, log: Log) => {
  const daemons = await import('../serve/daemon.js')
  const name = settings.get('name')
  const keepJobs = settings.get('keepJobs')
  try {
    return await daemons.openDaemon({
      nats: nats.url,
      insecure: settings.isOn('insecure'),
      replicas: Number(settings.get('replicas') ?? 1),
      log,
      ...(name !== undefined && { name }),
      ...(keepJobs !== undefined && { keepJobs }),
    })
  } catch (error) {
    throw natsFault(settings, nats, error)
  }
}

const openControl = async (...[desk, how]: Parameters<typeof import('../control.js').openControl>) => {
  const control = await import('../control.js')
  try {
    return await control.openControl(desk, how)
  } catch (error) {
    const advice = 'Another daemon may be there: --listen HOST:PORT names another place, port 0 a free one.'
    const what = `the daemon cannot listen at ${textOfAddress(how)}: ${messageOf(error)}`
    throw new Fault('MH-COORDINATOR-LISTEN', what, advice, error)
  }
}

export const serve: Command = async ({ settings }) => {
  const nats = checkNats(settings)
  const listen = listenOf(settings)
  const log = lineLog(text => process.stderr.write(text), settings.isOn('verbose') ? 'debug' : 'info')
  let askedBy: (signal: string) => void = () => {}
  const asked = new Promise<string>(resolve => {
    askedBy = resolve
  })
  // Before the start, so that a signal at any time is heard.
  const interrupt = onInterrupt(signal => askedBy(signal))
  const daemon = await openDaemon(settings, nats, log)
  const control = await openControl(daemon.desk, { ...listen, log }).catch(async error => {
    await daemon.close()
    throw error
  })
  say(`daemon ${daemon.name} listens at ${control.address}, for the agents of ${nats.display}`)
  const first = await Promise.race([daemon.ended.then(error => ({ error })), asked])
  if (typeof first === 'string') say(`daemon ${daemon.name} ends: its jobs go to others; once more ends at once`)
  await control.close(typeof first === 'string' ? GRACE_SECONDS : 0)
  await daemon.close()
  interrupt.stop()
  if (typeof first === 'string') return EXIT.done
  const why = first.error ? messageOf(first.error) : 'the connection is gone'
  throw new Fault('MH-COORDINATOR-ENDED', `daemon ${daemon.name} ended: ${why}`, undefined, first.error)
}
