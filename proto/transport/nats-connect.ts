// How a connection to a NATS server is made. In: an address, a name for the server's listings, where answers are to come.
// Out: a NatsLink, or an Error that says what to do. Always true: a link that this returns can hear its own answers, and its server
// has JetStream.
import { connect, nkeyAuthenticator } from 'nats'
import { NatsLink } from './nats.js'
import { explain } from './nats-failure.js'
import { type NatsOptions, parseNatsUrl } from './url.js'

const CONNECT_MS = 4000

const encoder = new TextEncoder()

/** Connects, or fails within about five seconds with what to do about it. */
export const connectNats = async (options: NatsOptions, name: string, inboxPrefix: string): Promise<NatsLink> => {
  const address = parseNatsUrl(options.url, options.insecure)
  const connection = await connect({
    servers: [...address.servers],
    name,
    inboxPrefix,
    timeout: CONNECT_MS,
    maxReconnectAttempts: -1,
    // Smaller finds a restarted server sooner, larger spares a server that all its clients come back to.
    reconnectTimeWait: 250,
    reconnectJitter: 100,
    // A black-holed link is noticed after two unanswered pings; by default it would be four minutes.
    pingInterval: 2000,
    maxPingOut: 2,
    noAsyncTraces: true,
    ...(address.user ? { user: address.user, pass: address.password ?? '' } : {}),
    ...(address.token ? { token: address.token } : {}),
    ...(options.nkeySeed ? { authenticator: nkeyAuthenticator(encoder.encode(options.nkeySeed)) } : {}),
    ...(address.tls ? { tls: options.tls ?? {} } : {}),
  }).catch(error => {
    throw new Error(explain(address, error), { cause: error })
  })
  if (!connection.info?.jetstream) {
    await connection.close()
    throw new Error(
      `the NATS server at ${address.display} has JetStream off: start it with -js, or "jetstream {}" in its configuration`,
    )
  }
  const link = new NatsLink(connection, inboxPrefix)
  await link.verify().catch(async error => {
    await link.close()
    throw new Error(`${name} cannot work with the NATS server at ${address.display}: ${error.message}`, {
      cause: error,
    })
  })
  return link
}
