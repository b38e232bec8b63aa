from django.urls import include, path

urlpatterns = [path("", include("urls_that_do_not_exist"))]
