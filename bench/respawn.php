<?php
if (isset($_GET['seconds'])) {
    sleep((int) $_GET['seconds']);
}
echo '{"pid": ' . getmypid() . '}';
