// `manyhands cancel`: gives up a job that could be gone on with. In: which job. Out: nothing of it is left: not the part of its
// output, not its folder, not its streams on the NATS server. Always true: a job that runs is left alone.
import { rm } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { JobFolder } from '../durable/job-folder.js'
import { partOf } from '../output/file.js'
import type { Command } from './command.js'
import { EXIT, Fault, messageOf } from './fault.js'
import { selectJob, takeJob } from './job-selector.js'
import { hasEnded } from './kept-job.js'
import { checkNats } from './place.js'
import { isRemote, refuseElsewhere } from './remote/open.js'
import { type Settings, settle } from './settings.js'

const isOfCluster = ({ record }: JobFolder): boolean =>
  record.options['place'] === 'cluster' || (record.options['nats'] !== undefined && record.options['place'] !== 'local')

/** Deletes what the server still has of the job. */
const clear = async ({ path, record }: JobFolder, now: Settings): Promise<void> => {
  const url = now.text('nats') ?? record.options['nats']
  const insecure = now.text('insecure') ?? record.options['insecure']
  const flags = { ...(url !== undefined && { nats: url }), ...(insecure !== undefined && { insecure }) }
  const settings = settle('cancel', { flags, env: {}, files: [] })
  const nats = checkNats(settings)
  const { openCoordinatorTransport } = await import('../../proto/transport/open.js')
  try {
    const transport = await openCoordinatorTransport(
      { url: nats.url, insecure: settings.isOn('insecure') },
      'manyhands cancel',
    )
    await transport.dropJob(record.job)
    await transport.close()
  } catch (error) {
    throw new Fault(
      'MH-NATS',
      `what ${record.name} left on ${nats.display} cannot be deleted: ${messageOf(error)}`,
      `The job was not given up: try again when the server is there; if it never will be, delete ${path}`,
      error,
    )
  }
}

export const cancel: Command = async invocation => {
  const { settings, operands } = invocation
  if (isRemote(settings)) return (await import('./remote/jobs.js')).remoteCancel(invocation)
  refuseElsewhere(settings, ['reason', 'json'])
  if (operands.length > 1)
    throw new Fault(
      'MH-USAGE-VALUE',
      `there is more than one job: ${operands.join(' ')}`,
      'Cancel one after the other.',
    )
  const folder = await selectJob(settings, operands[0])
  const { name, options, cwd } = folder.record
  const isWhole = await hasEnded(folder)
  const owner = await takeJob(folder)
  try {
    // Of one that is whole the server keeps nothing.
    if (isOfCluster(folder) && !isWhole) await clear(folder, settings)
  } catch (error) {
    await folder.leave(owner)
    throw error
  }
  if (options['output'] !== undefined) await rm(partOf(resolve(cwd, options['output']), name), { force: true })
  await folder.remove()
  process.stdout.write(`${name} is given up\n`)
  return EXIT.done
}
