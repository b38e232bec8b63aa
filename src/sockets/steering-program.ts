import type { Instruction } from '../host/kernel/sockets.ts';

// Classic BPF (Documentation/networking/filter.rst): load an absolute half word or byte, compare, return.
const loadHalfWord = 0x28;
const loadByte = 0x30;
const bitwiseAnd = 0x54;
const jumpIfEqual = 0x15;
const returnValue = 0x06;

/** Offsets from here count from the network header (SKF_NET_OFF of linux/filter.h). */
const networkHeader = -0x100000;
/** Length of the header before TCP's, which begins with the source port. A client of ours sends no IP options. */
const ipHeaderLength = { 4: 20, 6: 40 } as const;
const tcpFlags = 13;
const synAndAck = 0x12;
const syn = 0x02;
const keepAll = 0xffff_ffff;

/** Every new connection goes to the socket with this index in the port's group. */
export function steerAll(index: number): readonly Instruction[] {
  return [plain(returnValue, index)];
}

export interface ProbeSteering {
  readonly family: 4 | 6;
  /** Where everybody goes. */
  readonly live: number;
  /** Where the probe goes, known by the port it comes from. */
  readonly candidate: number;
  readonly sourcePort: number;
}

export function steerProbe({ family, live, candidate, sourcePort }: ProbeSteering): readonly Instruction[] {
  return [
    plain(loadHalfWord, networkHeader + ipHeaderLength[family]),
    { code: jumpIfEqual, jumpIfTrue: 0, jumpIfFalse: 1, value: sourcePort },
    plain(returnValue, candidate),
    plain(returnValue, live),
  ];
}

/**
 * A filter for a listener that nobody shall reach: drops what begins a connection, and lets everything else
 * through, since handshakes that have begun and accepted connections, which inherit the filter, must go on.
 * The client tries again after a second (RFC 6298), and is served or refused then. `exceptPort`: our own probe.
 */
export function dropNewConnections(exceptPort: number | undefined): readonly Instruction[] {
  const dropSyn = [
    plain(loadByte, tcpFlags),
    plain(bitwiseAnd, synAndAck),
    { code: jumpIfEqual, jumpIfTrue: 0, jumpIfFalse: 1, value: syn },
    plain(returnValue, 0),
    plain(returnValue, keepAll),
  ];
  if (exceptPort === undefined) return dropSyn;
  return [
    plain(loadHalfWord, 0),
    { code: jumpIfEqual, jumpIfTrue: dropSyn.length - 1, jumpIfFalse: 0, value: exceptPort },
    ...dropSyn,
  ];
}

function plain(code: number, value: number): Instruction {
  return { code, jumpIfTrue: 0, jumpIfFalse: 0, value };
}
