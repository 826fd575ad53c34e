# A small HTTP server for http.yaml: busy at first, then answers, ends at POST /done (or after 30 s).
# Usage: server.pl PORT_FILE DATA_FILE
use strict;
use warnings;
use IO::Socket::INET;

my ($port_file, $data_file) = @ARGV;
my $listener = IO::Socket::INET->new(Listen => 8, LocalAddr => '127.0.0.1', LocalPort => 0, ReuseAddr => 1)
    or die "cannot listen: $!\n";
alarm 30;

# Whole or not at all: who reads the file never sees half a number.
open(my $out, '>', "$port_file.new") or die "$port_file.new: $!\n";
print $out $listener->sockport, "\n";
close($out);
rename("$port_file.new", $port_file) or die "$port_file: $!\n";

open(my $in, '<', $data_file) or die "$data_file: $!\n";
my $data = do { local $/; <$in> };

my $asked = 0;
while (my $client = $listener->accept) {
    my $line = <$client>;
    next unless defined $line;
    my ($method, $path) = split / /, $line;
    my $length = 0;
    while (my $header = <$client>) {
        last if $header =~ /^\r?\n$/;
        $length = $1 if $header =~ /^content-length:\s*(\d+)/i;
    }
    my $body = '';
    read($client, $body, $length) if $length;
    print "$method $path $body\n";
    my ($status, $type, $answer) = ('404 Not Found', 'text/plain', "no such thing\n");
    if ($path eq '/countries') {
        ($status, $type, $answer) = $asked++ < 2
            ? ('503 Service Unavailable', 'text/plain', "busy, try again\n")
            : ('200 OK', 'application/json', $data);
    } elsif ($path eq '/done') {
        ($status, $answer) = ('200 OK', "bye\n");
    }
    print $client "HTTP/1.1 $status\r\nContent-Type: $type\r\nContent-Length: ", length($answer),
        "\r\nConnection: close\r\n\r\n", $answer;
    close($client);
    last if $path eq '/done';
}
