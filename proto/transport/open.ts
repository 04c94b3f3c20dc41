// Chooses the transport by where the other side is: a hub in this process, or a NATS server's URL.
// Always true: plain nats:// leaves this machine only when it was allowed (proto/transport/url.ts).
import type { Log } from '../log.js'
import type { Store } from '../store.js'
import type { AgentTransport, CoordinatorTransport } from '../transport.js'
import type { MemoryHub } from './memory.js'
import { connectNatsAgent } from './nats-agent.js'
import { connectNatsCoordinator } from './nats-coordinator.js'
import { connectNatsStore } from './nats-store.js'
import type { NatsOptions } from './url.js'

/** A hub in this process, or the URL of a NATS server (nats://, tls://) with how to be let in. */
export type Place = MemoryHub | NatsOptions

const isHub = (place: Place): place is MemoryHub => 'coordinator' in place

/** The coordinator's side; `name` is what the server's listings show, `log` is told what keeps the server from storing. */
export const openCoordinatorTransport = async (place: Place, name: string, log?: Log): Promise<CoordinatorTransport> =>
  isHub(place) ? place.coordinator() : connectNatsCoordinator({ ...place, name, ...(log && { log }) })

/** The agent's side; `agent` is its name, a subject token. */
export const openAgentTransport = async (place: Place, agent: string): Promise<AgentTransport> =>
  isHub(place) ? place.agent() : connectNatsAgent({ ...place, agent })

/** What coordinator daemons keep together; `name` is what the server's listings show. */
export const openStore = async (options: NatsOptions, name: string): Promise<Store> =>
  connectNatsStore({ ...options, name })
