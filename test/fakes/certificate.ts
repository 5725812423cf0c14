/**
 * A self-signed certificate of `localhost`, `node.tailnet.test` and 127.0.0.1, valid for 100 years, and its worthless
 * key. Made by: openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 36500 -subj /CN=localhost
 * -addext "subjectAltName=DNS:localhost,DNS:node.tailnet.test,IP:127.0.0.1"
 */
export const certificate = `-----BEGIN CERTIFICATE-----
MIIBrzCCAVagAwIBAgIUOTuy9SVJZj16WP99jX8nkChwMZUwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyMTEwNDEwM1oYDzIxMjYxMDI4
MTA0MTAzWjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAAS9XUW/dbkbJz2vNZrGaq6792JbsFvz2MpsT9RYV07Tl49k+EZq7BZM
VYFGnWY/+HUBQ6QQxySdV28g8h6Yajn7o4GDMIGAMB0GA1UdDgQWBBSHenGrug5t
cz44AlP3VYy5GD7iVjAfBgNVHSMEGDAWgBSHenGrug5tcz44AlP3VYy5GD7iVjAt
BgNVHREEJjAkgglsb2NhbGhvc3SCEW5vZGUudGFpbG5ldC50ZXN0hwR/AAABMA8G
A1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDRwAwRAIga6F5Wtnh4WvfP8TCd3ec
V7CG4G4F9oRBACI7BlGga0oCIGL9/9i+kNX0EqUBT8CXZbDnw+OTDMf/glXbKS+l
v9fe
-----END CERTIFICATE-----
`;

export const privateKey = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgURTQC9TQbIXex3SY
ExijyFkwnteekK5lV+gPOdO2H+OhRANCAAS9XUW/dbkbJz2vNZrGaq6792JbsFvz
2MpsT9RYV07Tl49k+EZq7BZMVYFGnWY/+HUBQ6QQxySdV28g8h6Yajn7
-----END PRIVATE KEY-----
`;
