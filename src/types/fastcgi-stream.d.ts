/** fastcgi-stream 1.0.0 carries no types; these describe what src/probes/fastcgi-client.ts uses of it. */
declare module 'fastcgi-stream' {
  export interface FastcgiRecord {
    readonly TYPE: number;
    /** Content length in bytes. The library writes it modulo 65,536 and does not complain. */
    getSize(): number;
    /** Called only when the size is not 0. The buffer is content and padding, zero-filled. */
    write?(buffer: Buffer): void;
  }

  interface ByteStream {
    on(event: 'data', listener: (bytes: Buffer) => void): unknown;
    write(bytes: Buffer, callback?: (error?: Error | null) => void): boolean;
  }

  class StdOut implements FastcgiRecord {
    static readonly TYPE: 6;
    readonly TYPE: 6;
    /** An empty string when the record was empty. */
    readonly data: Buffer | '';
    getSize(): number;
  }

  class StdErr implements FastcgiRecord {
    static readonly TYPE: 7;
    readonly TYPE: 7;
    readonly data: Buffer | '';
    getSize(): number;
  }

  class EndRequest implements FastcgiRecord {
    static readonly TYPE: 3;
    readonly TYPE: 3;
    readonly appStatus: number;
    readonly protocolStatus: number;
    getSize(): number;
  }

  class GetValuesResult implements FastcgiRecord {
    static readonly TYPE: 10;
    readonly TYPE: 10;
    /** A pair, or the bare name where the value is empty. */
    readonly values: readonly (readonly [string, string] | string)[];
    getSize(): number;
  }

  class UnknownType implements FastcgiRecord {
    static readonly TYPE: 11;
    readonly TYPE: 11;
    readonly type: number;
    getSize(): number;
  }

  class BeginRequest implements FastcgiRecord {
    constructor(role: number, flags: number);
    static readonly TYPE: 1;
    static readonly roles: { readonly RESPONDER: 1 };
    readonly TYPE: 1;
    getSize(): number;
  }

  class FastCGIStream {
    constructor(stream: ByteStream);
    on(event: 'record', listener: (requestId: number, record: FastcgiRecord) => void): this;
    /** Returns what the stream's `write` returned. */
    writeRecord(requestId: number, record: FastcgiRecord): boolean;
  }

  const fastcgiStream: {
    readonly FastCGIStream: typeof FastCGIStream;
    readonly records: {
      readonly BeginRequest: typeof BeginRequest;
      readonly EndRequest: typeof EndRequest;
      readonly StdOut: typeof StdOut;
      readonly StdErr: typeof StdErr;
      readonly GetValuesResult: typeof GetValuesResult;
      readonly UnknownType: typeof UnknownType;
    };
  };
  // biome-ignore lint/style/noDefaultExport: a CommonJS module's exports are its default export to an importer.
  export default fastcgiStream;
}
