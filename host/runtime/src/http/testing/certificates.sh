#!/bin/sh
# Makes the certificates of the HTTPS tests anew: an authority that nobody trusts but the tests, and two certificates
# of one server, of which one has expired.
set -eu
cd "$(dirname "$0")"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
key() { openssl ecparam -name prime256v1 -genkey -noout | openssl pkcs8 -topk8 -nocrypt -out "$scratch/$1.key"; }
cat > "$scratch/ca.conf" <<EOF
[ca]
default_ca = tests
[tests]
database = $scratch/index
new_certs_dir = $scratch
serial = $scratch/serial
default_md = sha256
policy = any
x509_extensions = server
[any]
commonName = supplied
[server]
subjectAltName = DNS:secure.example
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = serverAuth
EOF
: > "$scratch/index"
echo 10 > "$scratch/serial"
key authority
openssl req -x509 -new -key "$scratch/authority.key" -subj "/CN=Pintle test authority" -days 36500 -sha256 \
    -addext "keyUsage=critical,keyCertSign" -out "$scratch/authority.pem"
openssl x509 -in "$scratch/authority.pem" -outform DER -out authority.der
key server
openssl pkcs8 -in "$scratch/server.key" -topk8 -nocrypt -outform DER -out server.key.der
openssl req -new -key "$scratch/server.key" -subj "/CN=secure.example" -out "$scratch/server.csr"
sign() {
    openssl ca -batch -notext -config "$scratch/ca.conf" -cert "$scratch/authority.pem" \
        -keyfile "$scratch/authority.key" -in "$scratch/server.csr" -startdate "$2" -enddate "$3" \
        -out "$scratch/$1.pem" 2> "$scratch/log" || { cat "$scratch/log" >&2; exit 1; }
    openssl x509 -in "$scratch/$1.pem" -outform DER -out "$1.der"
}
sign expired 20200101000000Z 20200201000000Z
printf 'unique_subject = no\n' > "$scratch/index.attr"
sign server 20250101000000Z 21250101000000Z
# As `openssl req -x509` makes them: signed by nobody but itself.
openssl req -x509 -new -key "$scratch/server.key" -subj "/CN=secure.example" -days 36500 -sha256 \
    -addext "subjectAltName=DNS:secure.example,IP:127.0.0.1" -outform DER -out self.der
