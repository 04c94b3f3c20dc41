// `manyhands agents`, `manyhands agents set`, `manyhands drain`: who works for a daemon, and with how many slots. In: which agent. Out: a
// table, or one JSON value, on standard output.
import type { Desk } from '../../serve/desk.js'
import type { Command } from '../command.js'
import { EXIT, Fault } from '../fault.js'
import { plural } from '../figures.js'
import type { Settings } from '../settings.js'
import { withDesk } from './open.js'
import { selectAgent } from './select.js'
import { processSpeech, type Speech } from './speech.js'
import { agentJson, agentsTable } from './view.js'

const writeJson = ({ stdout }: Speech, value: unknown): number => {
  stdout.write(`${JSON.stringify(value, undefined, 2)}\n`)
  return EXIT.done
}

export const listAgentsOn = async (desk: Desk, settings: Settings, speech: Speech): Promise<number> => {
  const agents = await desk.agents()
  if (settings.isOn('json')) return writeJson(speech, agents.map(agentJson))
  speech.stdout.write(agents.length === 0 ? 'no agent has joined\n' : agentsTable(agents))
  return EXIT.done
}

export const setSlotsOn = async (desk: Desk, settings: Settings, name: string, speech: Speech): Promise<number> => {
  const slots = settings.get('slots')
  if (slots === undefined)
    throw new Fault('MH-USAGE-MISSING', '--slots is missing: how many of its slots take work from now on?')
  const agent = await desk.setSlots(selectAgent(name, await desk.agents()).name, slots)
  if (settings.isOn('json')) return writeJson(speech, agentJson(agent))
  speech.stdout.write(`agent ${agent.name} lends ${plural(slots, 'slot')} from now on\n`)
  return EXIT.done
}

export const drainOn = async (desk: Desk, settings: Settings, name: string, speech: Speech): Promise<number> => {
  const agent = await desk.drain(selectAgent(name, await desk.agents()).name)
  if (settings.isOn('json')) return writeJson(speech, agentJson(agent))
  speech.stdout.write(`agent ${agent.name} takes no more, finishes what it holds, and ends\n`)
  return EXIT.done
}

const WAYS = 'There is: manyhands agents, and manyhands agents set NAME --slots N.'

export const agents: Command = async ({ settings, operands: [verb, name, extra] }) => {
  const speech = processSpeech()
  if (verb === undefined) {
    settings.refuse('slots', 'says nothing without set NAME', WAYS)
    return withDesk(settings, desk => listAgentsOn(desk, settings, speech))
  }
  if (verb !== 'set' || extra !== undefined) throw new Fault('MH-USAGE-VALUE', `agents ${verb} is not known`, WAYS)
  if (name === undefined) throw new Fault('MH-USAGE-MISSING', 'there is no agent to set the slots of', WAYS)
  return withDesk(settings, desk => setSlotsOn(desk, settings, name, speech))
}

export const drain: Command = async ({ settings, operands: [name] }) => {
  if (name === undefined) throw new Fault('MH-USAGE-MISSING', 'there is no agent', 'manyhands agents lists them.')
  return withDesk(settings, desk => drainOn(desk, settings, name, processSpeech()))
}
