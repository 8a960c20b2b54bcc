/**
 * The channel of Node's `diagnostics_channel` that tells of each attempt: a tracing channel, so that a tracing tool attaches
 * to it as to any other traced call. Nothing is made or published while nothing is subscribed.
 */
import { tracingChannel } from 'node:diagnostics_channel'
import type { AttemptMessage } from './attempt-message.ts'

export const attemptChannel = tracingChannel<unknown, AttemptMessage>('holdfast.attempt')
