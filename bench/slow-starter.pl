#!/usr/bin/perl
# A FastCGI worker that takes START_SECONDS to start and 2 ms for an answer, and says who it is. Accepts on fd 0, or
# on a socket of its own.
use FCGI;
select(undef, undef, undef, $ENV{START_SECONDS} // 0);
my $socket = @ARGV ? FCGI::OpenSocket($ARGV[0], 100) : 0;
my $request = FCGI::Request(\*STDIN, \*STDOUT, \*STDERR, \%ENV, $socket);
while ($request->Accept() >= 0) {
  select(undef, undef, undef, 0.002);
  print "Content-Type: text/plain\r\n\r\n$$\n";
}
