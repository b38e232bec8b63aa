<?php
// The same as slow-starter.pl, for php-fpm; its start-up time is spent in slow-starter-preload.php.
header('Content-Type: text/plain');
usleep(2000);
echo getmypid(), "\n";
